"""Changes of values -> changes of the files' texts: each in the file where its key stands. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from voxgate.config.document import Keys, Node, parse
from voxgate.config.save import remove_at, set_at
from voxgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxgate.config.load import Source
    from voxgate.config.places import Path


class Change(Protocol):
    """One value: set, or removed."""

    @property
    def key(self) -> Path:
        """Where."""

    @property
    def value(self) -> Any:
        """What, where it is set."""

    @property
    def remove(self) -> bool:
        """Whether it goes."""


def edited(sources: Sequence[Source], changes: Sequence[Change]) -> tuple[Source, ...]:
    """`sources`, the main file first, with all `changes`. Raises UsageError when one has no place."""
    now = list(sources)
    for change in changes:
        if not change.key:
            raise UsageError("the configuration as a whole is not one value")
        at = _home(now, change.key, whole=change.remove)
        text = now[at].text
        made = remove_at(text, change.key) if change.remove else set_at(text, change.key, change.value)
        now[at] = replace(now[at], text=made)
    return tuple(now)


def _home(sources: Sequence[Source], path: Path, *, whole: bool) -> int:
    """The file that holds most of `path`; the main file for what is new. `whole`: it must hold all of it."""
    depths = [_depth(parse(source.text, source.path).root, path) for source in sources]
    deepest = max(depths)
    if whole and deepest < len(path):
        return 0
    # A section alone is no home: a new PBX goes to the main file, wherever others are.
    return depths.index(deepest) if deepest > 1 else 0


def _depth(root: Keys | None, path: Path) -> int:
    node: Node | None = root
    for depth, part in enumerate(path):
        if not isinstance(node, Keys) or part not in node.entries:
            return depth
        node = node.entries[str(part)][1]
    return len(path)
