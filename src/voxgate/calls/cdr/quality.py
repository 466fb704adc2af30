"""What rtpengine says of a call (ng command `query`) -> packets, loss, jitter and MOS for each direction. Pure.

Each tag of the call is a party. A stream's `stats` count what came from that party. How it was received is told by
the other party's RTCP: each report of it as it passed (`receptions`), or, where both report, the averages that
rtpengine keeps under the SSRC of who reported (MOS times ten, loss in whole percent).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr import emodel
from voxgate.calls.cdr.receptions import Receptions
from voxgate.calls.cdr.value import NOT_HEARD, Stream, clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.calls.cdr.receptions import Received

#: Where rtpengine names no clock: that of most codecs for telephones.
_CLOCK_HZ: Final = 8000
_FASTEST_HZ: Final = 384_000


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


def heard(reply: Mapping[str, Any], caller_tag: str, told: Receptions | None = None, at_s: float = 0.0) -> Heard:
    """What a reply to `query` says, with what was `told` until then; nothing where it is of another shape."""
    tags, sources = _mapping(reply.get("tags")), _mapping(reply.get("SSRC"))
    parties = {tag: _audio(_mapping(party)) for tag, party in tags.items()}
    caller = parties.pop(caller_tag, {})
    # A fork has several callees: who talked is the one who answered.
    callee = max(parties.values(), key=_packets, default={})
    told = told or Receptions()
    return Heard(
        _stream(caller, _averages(callee, sources), told, at_s),
        _stream(callee, _averages(caller, sources), told, at_s),
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


def _stream(media: Mapping[str, Any], averages: Mapping[str, Any], told: Receptions, at_s: float) -> Stream:
    packets = _packets(media)
    if not packets:
        return NOT_HEARD
    numbers = _numbers(media)
    shares = (told.lost_before(number, packets, at_s) for number in numbers)
    before = next((_percent(share) for share in shares if share is not None), None)
    bare = Stream(packets, source=_endpoint(_mapping(_first(media).get("endpoint"))), lost_before_percent=before)
    if found := next((one for number in numbers if (one := told.received(number))), None):
        return _as_told(bare, found, *_codec(media))
    if averages:
        return _as_kept(bare, averages)
    if before is not None:
        mos = emodel.mos(before, codec=_codec(media)[0])
        return replace(bare, lost_percent=before, mos=mos, measured="edge")
    return bare


def _as_told(bare: Stream, found: Received, codec: str, clock_hz: int) -> Stream:
    """With the averages of what the other party reported."""
    jitter_ms, worst_ms = 1000 * found.jitter / clock_hz, 1000 * found.worst_jitter / clock_hz
    delay_ms = 1000 * found.delay_s
    mos = emodel.mos(100 * found.lost, jitter_ms, delay_ms, codec)
    return replace(
        bare,
        lost_percent=_percent(found.lost),
        jitter_ms=round(jitter_ms, 1),
        mos=mos,
        mos_lowest=min(mos, emodel.mos(100 * found.worst_lost, worst_ms, delay_ms, codec)),
        measured="receiver",
    )


def _as_kept(bare: Stream, averages: Mapping[str, Any]) -> Stream:
    """The same, where rtpengine alone knows them."""
    average = _mapping(averages.get("average MOS"))
    return replace(
        bare,
        lost_percent=_number(average.get("packet loss")),
        jitter_ms=_number(average.get("jitter")),
        mos=_mos(average),
        mos_lowest=_mos(_mapping(averages.get("lowest MOS"))),
        measured="receiver",
    )


def _numbers(media: Mapping[str, Any]) -> list[int]:
    """The SSRCs of a stream; newer versions list all of them."""
    first = _first(media)
    found = (first.get("SSRC"), *(_mapping(one).get("SSRC") for one in _list(first.get("ingress SSRCs"))))
    return [number for number in found if isinstance(number, int)]


def _averages(reporter: Mapping[str, Any], sources: Mapping[str, Any]) -> Mapping[str, Any]:
    """What rtpengine keeps of the reports of a party, which are about the other one; only where both report."""
    kept = (_mapping(sources.get(str(number))) for number in _numbers(reporter))
    return next((one for one in kept if "average MOS" in one), {})


def _codec(media: Mapping[str, Any]) -> tuple[str, int]:
    """Name, and the clock by which jitter is counted."""
    name, _, rest = str(media.get("codec", "")).partition("/")
    clock = rest.partition("/")[0]
    known = clock.isascii() and clock.isdigit() and len(clock) < 7 and 0 < int(clock) <= _FASTEST_HZ
    return name, int(clock) if known else _CLOCK_HZ


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


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _mos(said: Mapping[str, Any]) -> float | None:
    value = said.get("MOS")
    return value / 10 if isinstance(value, int) and value > 0 else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
