"""Lists of addresses as text: what feeds give, and what people import and export. Pure.

One network a line. After it there may stand until when a ban lasts (RFC 3339, or `-` for good) and a note; `#` and
`;` begin comments. So the plain lists that others publish are read, and so is what `voxgate bans --export` writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from voxgate.guard.networks import Network, network_of

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Entries of one list.
MOST: Final = 200_000
_LONGEST_NOTE: Final = 200


class ListError(Exception):
    """The text is no list of networks."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `until` None: it does not say."""

    network: Network
    until: datetime | None = None
    note: str = ""


def read_list(content: bytes) -> tuple[Entry, ...]:
    """All entries. Raises ListError with the line, when one is none."""
    entries = []
    for number, result in _lines(content):
        if isinstance(result, str):
            raise ListError(f"line {number}: `{result}` is neither an address nor a network")
        entries.append(result)
        if len(entries) > MOST:
            raise ListError(f"line {number}: {MOST} networks are the most")
    return tuple(entries)


def read_feed(content: bytes, widest: dict[int, int]) -> frozenset[Network]:
    """The networks of somebody else's list, without those that are wider than `widest` (IP version -> prefix).

    Raises ListError when it looks like something else: an error page, say.
    """
    found: set[Network] = set()
    bad = 0
    for number, result in _lines(content):
        if isinstance(result, str):
            bad += 1
            if bad > 10 + len(found) // 10:
                raise ListError(f"line {number}: `{result}` is neither an address nor a network")
        elif result.network.prefixlen >= widest[result.network.version]:
            found.add(result.network)
            if len(found) > MOST:
                raise ListError(f"line {number}: {MOST} networks are the most")
    return frozenset(found)


def line_of(network: Network, until: datetime | None, note: str) -> str:
    """An entry as a line."""
    last = until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if until else "-"
    return f"{network} {last} {note}".rstrip()


def _lines(content: bytes) -> Iterator[tuple[int, Entry | str]]:
    """Line number and entry, or what stands there instead."""
    for number, raw in enumerate(content.split(b"\n"), 1):
        text = raw[:1024].decode("utf-8", "replace").split("#", 1)[0].split(";", 1)[0].strip()
        if not text:
            continue
        word, _, rest = text.partition(" ")
        try:
            network = network_of(word.rstrip(","), 128)
        except ValueError:
            yield number, "".join(character if character.isprintable() else "?" for character in word[:40])
            continue
        until, note = _until(rest.strip())
        yield number, Entry(network, until, note)


def _until(rest: str) -> tuple[datetime | None, str]:
    word, _, note = rest.partition(" ")
    try:
        return datetime.fromisoformat(word).astimezone(UTC), _note(note)
    except ValueError:
        return None, _note(note if word == "-" else rest)


def _note(text: str) -> str:
    return "".join(character for character in text.strip() if character.isprintable())[:_LONGEST_NOTE]
