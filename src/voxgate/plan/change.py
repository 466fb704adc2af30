"""What differs between two configurations, key by key. Pure.

`differences` walks both models side by side, so a key nobody thought of here is found all the same: for every
difference exactly one `Difference`, and `sentences` turns every `Difference` into exactly one `Change`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydantic import BaseModel

from voxgate.config.nodes import Node


class Kind(Enum):
    """Whether something comes, becomes different or goes; the value is the mark in front of its line."""

    ADD = "+"
    CHANGE = "~"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence for people. `key` is dotted as the operator writes it.

    `effect` says what users will notice, empty when nothing.
    """

    kind: Kind
    key: str
    sentence: str
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.sentence}" + (f": {self.effect}" if self.effect else "")


class Absent(Enum):
    """The value of a key that is not there, which `None` (not set) is not."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Difference:
    """One key whose value differs; `ABSENT` stands where an entry of a map or a node comes or goes."""

    key: tuple[str, ...]
    old: object
    new: object

    @property
    def dotted(self) -> str:
        """The key as the operator writes it: `pbxs.hq.nodes[172.16.0.11].weight`."""
        return ".".join(self.key).replace(".[", "[")


def differences(before: BaseModel, after: BaseModel) -> Iterator[Difference]:
    """Every key in which the two differ, in the order of the model; nothing exactly when they are equal."""
    yield from _walk((), before, after)


def _walk(key: tuple[str, ...], old: object, new: object) -> Iterator[Difference]:
    if old == new:
        return
    match old, new:
        case BaseModel(), BaseModel() if type(old) is type(new):
            for name in type(new).model_fields:
                yield from _walk((*key, name), getattr(old, name), getattr(new, name))
        case Mapping(), Mapping():
            for entry in dict.fromkeys((*old, *new)):
                yield from _walk((*key, str(entry)), old.get(entry, ABSENT), new.get(entry, ABSENT))
        case tuple(), tuple() if _told_apart(old) and _told_apart(new):
            yield from _walk_nodes(key, old, new)
        case _:
            yield Difference(key, old, new)


def _told_apart(nodes: tuple[object, ...]) -> bool:
    """Whether these are nodes, each with an address of its own, so that each can be followed by it."""
    addresses = {node.address for node in nodes if isinstance(node, Node)}
    return bool(nodes) and len(addresses) == len(nodes)


def _walk_nodes(key: tuple[str, ...], old: tuple[Node, ...], new: tuple[Node, ...]) -> Iterator[Difference]:
    olds, news = ({f"[{node.address}]": node for node in nodes} for nodes in (old, new))
    for address in dict.fromkeys((*olds, *news)):
        yield from _walk((*key, address), olds.get(address, ABSENT), news.get(address, ABSENT))
    stayed, now = (
        tuple(str(node.address) for name, node in side.items() if name in olds and name in news)
        for side in (olds, news)
    )
    if stayed != now:
        yield Difference((*key, "order"), stayed, now)
