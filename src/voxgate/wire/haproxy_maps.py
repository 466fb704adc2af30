"""HAProxy's maps as text, and the commands that change the running one's (management guide, 9.3). Pure.

A map is a list of `key value` lines. Neither holds a blank, semicolon, quote or backslash, so none can end a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

#: A command with its payload must fit into one buffer of HAProxy, 16 KiB.
LONGEST_COMMAND: Final = 12_000
#: HAProxy 2.6 finds what it changes or deletes by looking at one entry after the other, some ten in a microsecond, and
#: serves nobody meanwhile. Beyond so many looks, a new version of the whole map is made beside the old one.
MOST_LOOKS: Final = 100_000
_HARMLESS: Final = re.compile(r"[A-Za-z0-9._~!$&()*+,=:@/%|-]+")

Entries = dict[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from one content of a map to another."""

    added: Mapping[str, str]
    changed: Mapping[str, str]
    removed: tuple[str, ...]


def parse(content: bytes) -> Entries:
    """The entries of a map's file."""
    pairs = (line.partition(" ") for line in content.decode().splitlines())
    return {key: value for key, _, value in pairs}


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> Difference:
    """What is added, changed and removed."""
    return Difference(
        {key: value for key, value in new.items() if key not in old},
        {key: value for key, value in new.items() if key in old and old[key] != value},
        tuple(key for key in old if key not in new),
    )


def worthwhile(touched: int, size: int) -> bool:
    """Whether so many single changes in a map of this size cost less than a new version of it."""
    return touched * size <= MOST_LOOKS


def additions(path: Path, entries: Mapping[str, str], version: str = "") -> Iterator[bytes]:
    """Commands that add `entries`, to the version that is being prepared or to the one in use."""
    head = b"add map %b%b <<\n" % (f"@{version} ".encode() if version else b"", str(path).encode())
    lines = (f"{_word(key)} {_word(value)}\n".encode() for key, value in entries.items())
    return (head + part + b"\n" for part in _packed(lines))


def changes(path: Path, entries: Mapping[str, str]) -> Iterator[bytes]:
    """Commands that give keys that are there another value."""
    commands = (f"set map {path} {_word(key)} {_word(value)};".encode() for key, value in entries.items())
    return (part[:-1] for part in _packed(commands))


def removals(path: Path, keys: Iterable[str]) -> Iterator[bytes]:
    """Commands that take keys out."""
    commands = (f"del map {path} {_word(key)};".encode() for key in keys)
    return (part[:-1] for part in _packed(commands))


def _packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """As many parts in one as fit into a command."""
    packed = bytearray()
    for part in parts:
        if packed and len(packed) + len(part) > LONGEST_COMMAND:
            yield bytes(packed)
            packed.clear()
        packed += part
    if packed:
        yield bytes(packed)


def _word(text: str) -> str:
    if not _HARMLESS.fullmatch(text):
        raise AssertionError(f"{text!r:.80} cannot be a word of a map")
    return text
