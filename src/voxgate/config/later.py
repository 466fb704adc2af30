"""Keys and values that belong to the product but not to this version: an honest answer instead of silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.document import Keys, Node, Scalar
from voxgate.config.places import Path, problem_at

if TYPE_CHECKING:
    from voxgate.config.places import Place
    from voxgate.errors import Problem

#: Key (`*` is any name) -> what the operator can do today.
LATER: dict[str, str] = {
    "pbxs.*.sip.nodes": "give the nodes of the PBX; all protocols share them in this version",
    "pbxs.*.sip.names": "give the names of the PBX; all protocols share them in this version",
}

#: The same for values of a key.
LATER_VALUES: dict[tuple[str, str], str] = {}


#: Sections whose keys are names of the operator's choice.
NAMED = frozenset({"pbxs", "trunks"})
_DEPTH = 4  # keys in the longest pattern above


def take_out(root: Keys) -> tuple[Keys, tuple[Problem, ...]]:
    """`root` without what this version does not support, and one problem for each key taken out.

    A mapping that holds nothing else goes too, or it would lead to complaints about what it lacks.
    """
    problems: list[Problem] = []
    return _filtered(root, (), problems), tuple(problems)


def _filtered(node: Keys, path: Path, problems: list[Problem]) -> Keys:
    kept: dict[str, tuple[Place, Node]] = {}
    for key, (place, value) in node.entries.items():
        here = (*path, key)
        if (advice := _advice(here, value)) is not None:
            problems.append(problem_at(place, here, "is not supported by this version", advice))
            continue
        if isinstance(value, Keys) and len(here) < _DEPTH:
            inner = _filtered(value, here, problems)
            if inner.entries or not value.entries:
                kept[key] = (place, inner)
        else:
            kept[key] = (place, value)
    return Keys(kept, node.place)


def _advice(path: Path, value: Node) -> str | None:
    words = [str(part) for part in path]
    for pattern in (".".join(words), ".".join([words[0], "*", *words[2:]]) if words[0] in NAMED else ""):
        if pattern in LATER:
            return LATER[pattern]
        if isinstance(value, Scalar) and (pattern, str(value.value)) in LATER_VALUES:
            return LATER_VALUES[pattern, str(value.value)]
    return None
