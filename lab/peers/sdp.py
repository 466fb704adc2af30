"""The few lines of SDP the peers need: one audio stream, G.711, a direction (RFC 4566, RFC 3264)."""

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
    """One side's audio: where to send to, the first G.711 law offered, direction; ``profile`` as in the m= line."""

    host: str
    port: int
    law: Law
    direction: Direction = Direction.BOTH
    profile: str = "RTP/AVP"


def write(audio: Audio, session: int, version: int) -> bytes:
    """A session description; ``version`` grows with each change."""
    family = "IP6" if ":" in audio.host else "IP4"
    name = audio.law.name
    lines = (
        "v=0",
        f"o=- {session} {version} IN {family} {audio.host}",
        "s=-",
        f"c=IN {family} {audio.host}",
        "t=0 0",
        f"m=audio {audio.port} {audio.profile} {int(audio.law)}",
        f"a=rtpmap:{int(audio.law)} {name}/8000",
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
    return Audio(place[1], int(media[1]), Law(laws[0]), direction, media[2])
