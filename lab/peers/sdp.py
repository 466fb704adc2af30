"""The few lines of SDP the peers need: one audio stream, G.711, DTMF, a direction (RFC 4566, RFC 3264); or T.38."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from lab.g711 import Law


class SdpError(Exception):
    """The peer's SDP has no audio we can use."""


class Direction(Enum):
    """Media direction, from the side that writes it."""

    BOTH = "sendrecv"
    SEND = "sendonly"
    RECEIVE = "recvonly"
    NONE = "inactive"

    def answered(self) -> Direction:
        """What the other side answers."""
        return {Direction.SEND: Direction.RECEIVE, Direction.RECEIVE: Direction.SEND}.get(self, self)


@dataclass(frozen=True, slots=True)
class Audio:
    """One side's audio: where to send to, the first G.711 law offered, direction; ``profile`` as in the m= line.

    ``events`` is the payload type of DTMF (RFC 4733), None without it.
    """

    host: str
    port: int
    law: Law
    direction: Direction = Direction.BOTH
    profile: str = "RTP/AVP"
    events: int | None = None


def write(audio: Audio, session: int, version: int, more: tuple[str, ...] = ()) -> bytes:
    """A session description; ``version`` grows with each change, ``more`` are further lines about the audio."""
    family = "IP6" if ":" in audio.host else "IP4"
    name = audio.law.name
    kinds = str(int(audio.law)) if audio.events is None else f"{int(audio.law)} {audio.events}"
    dtmf = (
        () if audio.events is None else (f"a=rtpmap:{audio.events} telephone-event/8000", f"a=fmtp:{audio.events} 0-16")
    )
    lines = (
        "v=0",
        f"o=- {session} {version} IN {family} {audio.host}",
        "s=-",
        f"c=IN {family} {audio.host}",
        "t=0 0",
        f"m=audio {audio.port} {audio.profile} {kinds}",
        f"a=rtpmap:{int(audio.law)} {name}/8000",
        *dtmf,
        *more,
        "a=ptime:20",
        f"a={audio.direction.value}",
    )
    return ("\r\n".join(lines) + "\r\n").encode()


def read(body: bytes) -> Audio:
    """The first audio stream. Raises SdpError."""
    text = body.decode(errors="replace")
    media = re.search(r"(?m)^m=audio (\d+) (\S+) ([\d ]+)", text)
    if media is None:
        raise SdpError("no audio")
    section = text[media.start() :].split("\nm=", 1)[0]
    session = text[: text.index("\nm=") + 1]
    place = re.search(r"(?m)^c=IN IP[46] ([^\s/]+)", section) or re.search(r"(?m)^c=IN IP[46] ([^\s/]+)", session)
    if place is None:
        raise SdpError("no c= line")
    laws = [int(kind) for kind in media[3].split() if int(kind) in (Law.PCMU, Law.PCMA)]
    if not laws:
        raise SdpError(f"no G.711 in {media[3]!r}")
    way = re.search(r"(?m)^a=(sendrecv|sendonly|recvonly|inactive)\b", section)
    direction = Direction(way[1]) if way else Direction.BOTH
    dtmf = re.search(r"(?m)^a=rtpmap:(\d+) telephone-event/8000", section)
    return Audio(place[1], int(media[1]), Law(laws[0]), direction, media[2], int(dtmf[1]) if dtmf else None)


def write_fax(host: str, port: int, session: int, version: int) -> bytes:
    """A session description of one T.38 stream over UDPTL (ITU-T T.38 annex D)."""
    family = "IP6" if ":" in host else "IP4"
    lines = (
        "v=0",
        f"o=- {session} {version} IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
        f"m=image {port} udptl t38",
        "a=T38FaxVersion:0",
        "a=T38MaxBitRate:14400",
        "a=T38FaxRateManagement:transferredTCF",
        "a=T38FaxUdpEC:t38UDPRedundancy",
    )
    return ("\r\n".join(lines) + "\r\n").encode()


def read_fax(body: bytes) -> tuple[str, int] | None:
    """Where a T.38 stream is to be sent to; None where there is none. Raises SdpError."""
    text = body.decode(errors="replace")
    media = re.search(r"(?m)^m=image ([1-9]\d*) udptl t38", text)
    if media is None:
        return None
    place = re.search(r"(?m)^c=IN IP[46] ([^\s/]+)", text)
    if place is None or "a=T38FaxUdpEC:t38UDPRedundancy" not in text:
        raise SdpError("T.38 without address, or without its attributes")
    return place[1], int(media[1])
