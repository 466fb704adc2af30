"""Several files -> one tree. Pure.

Mappings are joined key by key; a list or a value may be written in one file only, or the same in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.document import Items, Keys, Node, Scalar
from voxgate.config.places import Path, Place, problem_at

if TYPE_CHECKING:
    from voxgate.errors import Problem


def merge(roots: tuple[Keys, ...]) -> tuple[Keys, tuple[Problem, ...]]:
    """The tree of all `roots`, and a problem for each key that two of them give different values."""
    problems: list[Problem] = []
    whole = roots[0]
    for root in roots[1:]:
        whole = _joined(whole, root, (), problems)
    return whole, tuple(problems)


def _joined(first: Keys, second: Keys, path: Path, problems: list[Problem]) -> Keys:
    entries: dict[str, tuple[Place, Node]] = dict(first.entries)
    for key, (place, value) in second.entries.items():
        if key not in entries:
            entries[key] = (place, value)
            continue
        earlier_place, earlier = entries[key]
        if isinstance(earlier, Keys) and isinstance(value, Keys):
            entries[key] = (earlier_place, _joined(earlier, value, (*path, key), problems))
        elif not same(earlier, value):
            message = f"has another value in {earlier_place.file}:{earlier_place.line}"
            problems.append(problem_at(place, (*path, key), message, "keep one of the two"))
    return Keys(entries, first.place)


def same(first: Node, second: Node) -> bool:
    """Whether two trees hold the same values, wherever they are written; `1` and `true` differ."""
    match first, second:
        case Scalar(value=one), Scalar(value=other):
            return type(one) is type(other) and one == other
        case Items(items=ones), Items(items=others):
            return len(ones) == len(others) and all(map(same, ones, others))
        case Keys(entries=ones), Keys(entries=others):
            return ones.keys() == others.keys() and all(same(ones[key][1], others[key][1]) for key in ones)
        case _:
            return False
