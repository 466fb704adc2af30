"""The messages of one call that the doctor makes (RFC 3261), as bytes and back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from voxgate.doctor.audio import PCMA

_STATUS: Final = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]{0,80}))?")
_PORT: Final = re.compile(r"(?m)^m=audio (\d{1,5}) ")
_ADDRESS: Final = re.compile(r"(?m)^c=IN IP[46] ([0-9a-fA-F.:]{2,45})")
_URI: Final = re.compile(r"<([^<>\s]{1,300})>")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the call goes by; `media` is where the audio goes, port 0: there is none."""

    code: int
    reason: str
    method: str
    to: str
    contact: str = ""
    routes: tuple[str, ...] = ()
    challenge: tuple[str, str] | None = None
    media: tuple[str, int] = ("", 0)


@dataclass(slots=True)
class Dialog:
    """Our side of the call. `own` is the address and port of our SIP socket, `rtp` the port of the audio."""

    callee: str
    user: str
    own: tuple[str, int]
    rtp: int
    token: str
    number: int = 1
    credentials: tuple[str, str] | None = None
    to: str = ""
    target: str = ""
    routes: tuple[str, ...] = field(default=())

    @property
    def host(self) -> str:
        """Our address as it stands in a URI."""
        return f"[{self.own[0]}]" if ":" in self.own[0] else self.own[0]

    def request(self, method: str) -> bytes:
        """INVITE, ACK, BYE or CANCEL, in its present state."""
        domain = self.callee.partition("@")[2]
        uri = self.target or f"sip:{self.callee}"
        # An ACK for 2xx and a BYE are transactions of their own.
        branch = f"z9hG4bK{self.token}{self.number}{method if self.target else ''}"
        body = self._offer() if method == "INVITE" else ""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.own[1]};branch={branch};rport",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in self.routes),
            f"From: <sip:{self.user}@{domain}>;tag={self.token[:8]}",
            f"To: {self.to or f'<sip:{self.callee}>'}",
            f"Call-ID: {self.token}@{self.host}",
            f"CSeq: {self.number} {method}",
            f"Contact: <sip:{self.user}@{self.host}:{self.own[1]}>",
            *([f"{self.credentials[0]}: {self.credentials[1]}"] if self.credentials and method == "INVITE" else []),
            "User-Agent: voxgate doctor",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii")

    def _offer(self) -> str:
        kind = "IP6" if ":" in self.own[0] else "IP4"
        return (
            f"v=0\r\no=doctor 1 1 IN {kind} {self.own[0]}\r\ns=-\r\nc=IN {kind} {self.own[0]}\r\nt=0 0\r\n"
            f"m=audio {self.rtp} RTP/AVP {PCMA}\r\na=rtpmap:{PCMA} PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
        )


def reply_of(data: bytes, token: str) -> Reply | None:
    """A reply to one of the requests of this call; None for everything else."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    status = _STATUS.match(head)
    if status is None or token not in head:
        return None
    headers: dict[str, list[str]] = {}
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(_LONG.get(name.strip().lower(), name.strip().lower()), []).append(value.strip())
    contact = _URI.search(headers.get("contact", [""])[0])
    port, address = _PORT.search(body), _ADDRESS.search(body)
    return Reply(
        int(status[1]),
        status[2] or "",
        headers.get("cseq", [""])[0].rpartition(" ")[2],
        headers.get("to", [""])[0],
        contact[1] if contact else "",
        tuple(one for value in reversed(headers.get("record-route", [])) for one in reversed(_split(value))),
        _challenge(headers),
        (address[1] if address else "", int(port[1]) if port else 0),
    )


_LONG: Final = {"t": "to", "m": "contact", "f": "from", "v": "via", "i": "call-id"}
_ASKS: Final = {"www-authenticate": "Authorization", "proxy-authenticate": "Proxy-Authorization"}


def _challenge(headers: dict[str, list[str]]) -> tuple[str, str] | None:
    return next(((answer, headers[asks][0]) for asks, answer in _ASKS.items() if asks in headers), None)


def _split(value: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?=\s*<)", value)]
