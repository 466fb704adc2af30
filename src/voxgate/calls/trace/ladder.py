"""A call as a ladder for a terminal: a column for each party, an arrow for each message. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.calls.cdr.value import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voxgate.calls.trace.message import Sip

EDGE: Final = "edge"
_WIDTH: Final = 30
_TIME: Final = 10
_MOST_PARTIES: Final = 6


def ladder(messages: Sequence[Sip], names: Mapping[str, str]) -> list[str]:
    """Lines; `names` maps an address without port to what it is called, the edge's own to `EDGE`."""
    if not messages:
        return []
    parties, pairs = drawn(messages, names)
    begin = messages[0]
    heads = "".join(party.center(_WIDTH)[:_WIDTH] for party in parties)
    lines = [f"begins {rfc3339(begin.at)}", " " * _TIME + heads.rstrip()]
    for one, (source, target) in zip(messages, pairs, strict=True):
        seconds = f"{one.message.epoch_s - begin.message.epoch_s:8.3f}  "
        if source in parties and target in parties:
            arrow = _arrow(parties.index(source), parties.index(target), one.title, len(parties))
            lines.append(f"{seconds}{arrow}".rstrip())
        else:
            lines.append(f"{seconds}{source} -> {target}: {one.title}")
    return lines


def drawn(messages: Sequence[Sip], names: Mapping[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The columns of a ladder, and for each message from whom to whom; a party that has no column is not in them."""
    pairs = [(_party(one.message.source, names), _party(one.message.target, names)) for one in messages]
    return _parties(pairs), pairs


def host_of(party: str) -> str:
    """The address of `address:port`, IPv6 without brackets."""
    return party.rpartition(":")[0].strip("[]")


def _party(place: str, names: Mapping[str, str]) -> str:
    name = names.get(host_of(place))
    if name == EDGE:
        return EDGE
    return f"{name} {place}" if name else place


def _parties(pairs: list[tuple[str, str]]) -> list[str]:
    """The edge stands between who came first and all others."""
    others = [party for party in dict.fromkeys(party for pair in pairs for party in pair) if party != EDGE]
    return [*others[:1], EDGE, *others[1 : _MOST_PARTIES - 1]]


def _arrow(source: int, target: int, title: str, count: int) -> str:
    places = [_WIDTH * index + _WIDTH // 2 for index in range(count)]
    line = [" "] * (_WIDTH * count)
    for place in places:
        line[place] = "|"
    if source == target:
        text = f"| {title}"
        line[places[source] : places[source] + len(text)] = text
        return "".join(line)
    left, right = sorted((places[source], places[target]))
    room = right - left - 1
    text = f" {title[: room - 6]} ".center(room - 1, "-")
    line[left + 1 : right] = f"{text}>" if target > source else f"<{text}"
    return "".join(line)
