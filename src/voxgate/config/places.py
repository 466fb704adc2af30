"""Where each key and value of the configuration was written: path -> file and line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Path = tuple[str | int, ...]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, counted from 1; 0 is the file as a whole."""

    file: str
    line: int


def dotted(path: Path) -> str:
    """The path as a person writes it: `pbxs.hq.nodes[1].address`; `(file)` for the whole."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{part}"
    return _clean(words.removeprefix(".")) or "(file)"


def _clean(text: str) -> str:
    """Without control characters, which could rewrite the operator's terminal, and not endless."""
    text = _CONTROL.sub("?", text)
    return text if len(text) <= _MESSAGE_LENGTH else text[:_MESSAGE_LENGTH] + "..."


def problem_at(place: Place, path: Path, message: str, advice: str) -> Problem:
    """A `Problem` whose texts are fit to be printed."""
    return Problem(place.file, place.line, dotted(path), _clean(message), _clean(advice))


@dataclass(frozen=True, slots=True)
class Places:
    """All places of one configuration; `main` is used for what was written nowhere."""

    main: Place
    by_path: Mapping[Path, Place]

    def of(self, path: Path) -> Place:
        """The place of `path`, or of the nearest mapping or list around it."""
        while path:
            if path in self.by_path:
                return self.by_path[path]
            path = path[:-1]
        return self.main

    def written(self, loc: Path) -> Path:
        """`loc` without the parts that are in no file (a union's tag, the field a bare value stands for)."""
        path: Path = ()
        for part in loc:
            if (*path, part) in self.by_path:
                path = (*path, part)
        return path

    def problem(self, path: Path, message: str, advice: str) -> Problem:
        """A problem with the value at `path`."""
        return problem_at(self.of(path), path, message, advice)

    def put(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """`problems` with the file and line of their keys, for checks that know keys only."""
        by_key = {dotted(path): place for path, place in self.by_path.items()}
        placed: list[Problem] = []
        for problem in problems:
            key = problem.key
            while key and key not in by_key:
                key = key[: max(key.rfind("."), key.rfind("["), 0)]
            place = by_key.get(key, self.main)
            placed.append(Problem(place.file, place.line, problem.key, problem.message, problem.advice))
        return tuple(placed)
