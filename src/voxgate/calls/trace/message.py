"""A captured message: what it is, and how it is shown. Pure; its bytes are a stranger's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from voxgate.calls.trace.masks import masked

#: Longest message that is kept whole.
LONGEST: Final = 16_384
_CALL_ID: Final = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]{1,256})")
_START: Final = re.compile(
    r"(?:SIP/2\.0 (?P<code>\d{3}) ?(?P<phrase>.*)|(?P<method>[A-Z]{2,16}) (?P<uri>\S+) SIP/2\.0)\Z"
)
_FOLDED: Final = re.compile(r"\r?\n[ \t]+")
_SHORT: Final = {
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "s": "subject",
    "t": "to",
    "v": "via",
    "o": "event",
    "r": "refer-to",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way; `source` and `target` are `address:port`, IPv6 in brackets."""

    epoch_s: float
    source: str
    target: str
    transport: str
    raw: bytes

    @property
    def text(self) -> str:
        """As it may be shown: secrets masked, printable, lines kept."""
        shown = masked(self.raw).decode("utf-8", "replace").replace("\r\n", "\n")
        return "".join(char if char.isprintable() or char == "\n" else "?" for char in shown)


@dataclass(frozen=True, slots=True)
class Sip:
    """What a message says: a request has a method, a reply a code; header names are in lower case and long."""

    message: Message
    method: str
    code: int
    phrase: str
    uri: str
    cseq: int
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def is_request(self) -> bool:
        """Not a reply."""
        return not self.code

    @property
    def title(self) -> str:
        """`INVITE (SDP)`, `200 OK`."""
        words = self.method if self.is_request else f"{self.code} {self.phrase}".rstrip()
        return f"{words} (SDP)" if self.body.startswith("v=0") else words

    def header(self, name: str) -> str:
        """The first value of a header; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def at(self) -> datetime:
        """When it passed."""
        return datetime.fromtimestamp(self.message.epoch_s, UTC)


def call_id_of(raw: bytes) -> str:
    """The Call-ID of a message; empty where it has none."""
    found = _CALL_ID.search(raw, 0, 8192)
    return found[1].decode("utf-8", "replace").strip() if found else ""


def read(message: Message) -> Sip | None:
    """What it says, secrets masked; None where it is no SIP."""
    head, _, body = message.text.partition("\n\n")
    start, _, rest = head.partition("\n")
    found = _START.match(start.strip()[:2048])
    if not found:
        return None
    headers = []
    for line in _FOLDED.sub(" ", rest).split("\n")[:200]:
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if colon:
            headers.append((_SHORT.get(key, key), value.strip()[:2048]))
    number, _, method = next((value for key, value in headers if key == "cseq"), "").partition(" ")
    return Sip(
        message,
        found["method"] or method.strip()[:32],
        int(found["code"] or 0),
        (found["phrase"] or "")[:64],
        found["uri"] or "",
        int(number) if number.isdecimal() and len(number) < 11 else 0,
        tuple(headers),
        body,
    )
