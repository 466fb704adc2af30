"""What rtpengine says of a call (ng command `query`) -> packets, loss, jitter and MOS for each direction. Pure.

Each tag of the call is a party. A stream's `stats` count what came from that party; figures of quality are kept under
the SSRC that it sent with, and come from the other party's RTCP (rtpengine manual, "query"). MOS is told times ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxgate.calls.cdr.value import NOT_HEARD, Stream, clean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Heard:
    """Both directions, and how each leg is really encrypted (none, sdes, dtls; empty: not known).

    `advertised_*` is where a party's SDP said that its audio would come from.
    """

    from_caller: Stream = NOT_HEARD
    from_callee: Stream = NOT_HEARD
    encryption_caller: str = ""
    encryption_callee: str = ""
    advertised_caller: str = ""
    advertised_callee: str = ""


def heard(reply: Mapping[str, Any], caller_tag: str) -> Heard:
    """What a reply to `query` says; nothing where it is of another shape."""
    tags, sources = _mapping(reply.get("tags")), _mapping(reply.get("SSRC"))
    parties = {tag: _audio(_mapping(party)) for tag, party in tags.items()}
    caller = parties.pop(caller_tag, {})
    # A fork has several callees: who talked is the one who answered.
    callee = max(parties.values(), key=_packets, default={})
    return Heard(
        _stream(caller, sources),
        _stream(callee, sources),
        _encryption(caller),
        _encryption(callee),
        _endpoint(_mapping(_first(caller).get("advertised endpoint"))),
        _endpoint(_mapping(_first(callee).get("advertised endpoint"))),
    )


def _audio(party: Mapping[str, Any]) -> Mapping[str, Any]:
    medias = [_mapping(media) for media in _list(party.get("medias"))]
    return next((media for media in medias if media.get("type") == "audio"), {})


def _first(media: Mapping[str, Any]) -> Mapping[str, Any]:
    streams = _list(media.get("streams"))
    return _mapping(streams[0]) if streams else {}


def _packets(media: Mapping[str, Any]) -> int:
    count = _mapping(_first(media).get("stats")).get("packets")
    return count if isinstance(count, int) else 0


def _stream(media: Mapping[str, Any], sources: Mapping[str, Any]) -> Stream:
    first = _first(media)
    packets, source = _packets(media), _endpoint(_mapping(first.get("endpoint")))
    # Newer versions list all sources of a stream.
    numbers = [first.get("SSRC"), *(_mapping(one).get("SSRC") for one in _list(first.get("ingress SSRCs")))]
    said = next((_mapping(sources.get(str(number))) for number in numbers if str(number) in sources), {})
    average, lowest = _mapping(said.get("average MOS")), _mapping(said.get("lowest MOS"))
    return Stream(
        packets,
        _number(average.get("packet loss")),
        _number(average.get("jitter")),
        _mos(average.get("MOS")),
        _mos(lowest.get("MOS")),
        source if packets else "",
    )


def _encryption(media: Mapping[str, Any]) -> str:
    protocol = str(media.get("protocol", ""))
    if not protocol:
        return ""
    if "SAVP" not in protocol:
        return "none"
    return "dtls" if "DTLS" in _list(media.get("flags")) else "sdes"


def _endpoint(where: Mapping[str, Any]) -> str:
    address, port = clean(str(where.get("address", "")), 64), where.get("port", 0)
    if not address:
        return ""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int) and value >= 0 else None


def _mos(value: object) -> float | None:
    return value / 10 if isinstance(value, int) and value > 0 else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
