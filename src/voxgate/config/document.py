"""YAML text -> a tree that remembers the line of every key and value. Pure.

YAML 1.2 (core schema): `yes`, `off` and `on` are words, not truth values. Left out on purpose: aliases
(`*name`; a few lines of them can stand for gigabytes), several documents in one file, and all tags but
`!secret`. Line and column come from libyaml, which reads thirty times faster than a reader in Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from yaml._yaml import CParser

from voxgate.config.places import Path, Place, problem_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.errors import Problem

#: Ours is five levels deep; libyaml's time for open brackets grows with the square of their number.
MAX_DEPTH = 32

SECRET_TAG = "!secret"  # noqa: S105  a tag's name
_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,3})?\Z")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SecretName:
    """What `!secret NAME` stands for until it is looked up."""

    name: str


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value that holds no others."""

    value: str | int | float | bool | SecretName | None
    place: Place


@dataclass(frozen=True, slots=True)
class Items:
    """A YAML sequence."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Keys:
    """A YAML mapping: key -> (place of the key, value)."""

    entries: Mapping[str, tuple[Place, Node]]
    place: Place


Node = Scalar | Items | Keys


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its tree, or None when it cannot be read as YAML, and what is wrong with it."""

    root: Keys | None
    problems: tuple[Problem, ...]


class _UnreadableError(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse(text: str, file: str) -> Document:
    """Read one file's `text`; `file` is the name that problems carry. Raises nothing."""
    reader = _Reader(text, file)
    try:
        root = reader.document()
    except _UnreadableError as stop:
        return Document(None, (*reader.problems, stop.problem))
    except yaml.YAMLError as error:
        return Document(None, (*reader.problems, _syntax_problem(error, file, text)))
    return Document(root, tuple(reader.problems))


@dataclass(slots=True)
class _Reader:
    """Builds the tree from libyaml's events, which it asks for one by one: too deep is noticed at once."""

    text: str
    file: str
    problems: list[Problem] = field(default_factory=list)
    parser: CParser = field(init=False)

    def __post_init__(self) -> None:
        self.parser = CParser(self.text)

    def _next(self) -> yaml.Event:
        event = self.parser.get_event()
        if event is None:  # past the end of the stream, where no caller goes
            raise AssertionError("read past the end of the stream")
        return event

    def document(self) -> Keys:
        self._next()  # stream start
        if self.parser.check_event(yaml.StreamEndEvent):
            return Keys({}, Place(self.file, 0))
        self._next()  # document start
        root = self._node(self._next(), ())
        self._next()  # document end
        if not self.parser.check_event(yaml.StreamEndEvent):
            raise self._unreadable(
                self._next(), (), "a second document begins here", "one file holds one: remove the `---`"
            )
        match root:
            case Keys():
                return root
            case Scalar(value=None):
                return Keys({}, Place(self.file, 0))
            case _:
                message = "the file is not a mapping of keys"
                raise _UnreadableError(problem_at(root.place, (), message, "begin with a key: `edge:`"))

    def _node(self, event: yaml.Event, path: Path) -> Node:
        if len(path) > MAX_DEPTH:
            raise self._unreadable(
                event, path[:2], "brackets or indents are too deep", f"{MAX_DEPTH} levels are the most"
            )
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event, path)
            case yaml.SequenceStartEvent():
                self._no_tag(event, path)
                items: list[Node] = []
                while not isinstance(step := self._next(), yaml.SequenceEndEvent):
                    items.append(self._node(step, (*path, len(items))))
                return Items(tuple(items), self._place(event))
            case yaml.MappingStartEvent():
                self._no_tag(event, path)
                return self._keys(event, path)
            case _:  # an alias is all that is left
                raise self._unreadable(event, path, "aliases (`*name`) are not supported", "write the value out")

    def _keys(self, start: yaml.Event, path: Path) -> Keys:
        entries: dict[str, tuple[Place, Node]] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._unreadable(
                    event, path, "a key must be a word", "put braces or brackets after a key, not before"
                )
            key, place = str(event.value), self._place(event)
            value = self._node(self._next(), (*path, key))
            if key in entries:
                advice = f"it is already on line {entries[key][0].line}: join the two"
                self.problems.append(problem_at(place, (*path, key), "the key appears twice", advice))
                continue
            entries[key] = (place, value)
        return Keys(entries, self._place(start))

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Scalar:
        place, text = self._place(event), str(event.value)
        if event.tag == SECRET_TAG:
            return Scalar(SecretName(text), place)
        self._no_tag(event, path)
        return Scalar(_plain(text) if event.implicit[0] else text, place)

    def _no_tag(self, event: yaml.CollectionStartEvent | yaml.ScalarEvent, path: Path) -> None:
        if event.tag not in {None, "!", "tag:yaml.org,2002:str"}:
            message = f"the tag {event.tag} has no meaning here"
            self.problems.append(problem_at(self._place(event), path, message, "only `!secret NAME` is known"))

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1 if mark else 0)

    def _unreadable(self, event: yaml.Event, path: Path, message: str, advice: str) -> _UnreadableError:
        return _UnreadableError(problem_at(self._place(event), path, message, advice))


def _plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar by YAML 1.2.2 section 10.3.2; hexadecimal and octal stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _syntax_problem(error: yaml.YAMLError, file: str, text: str) -> Problem:
    """libyaml's complaint as a sentence of ours, at the line where the mistake begins."""
    if not isinstance(error, yaml.MarkedYAMLError):
        message = "the file holds characters that YAML does not allow"
        return problem_at(Place(file, 0), (), message, "remove control characters; save it as plain UTF-8 text")
    reason = str(error.problem or error.context or "syntax error")
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 0
    rows = text.splitlines()
    row = rows[line - 1] if 0 < line <= len(rows) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return problem_at(Place(file, line), (), "the line is indented with a tab", "use spaces: YAML allows no tabs")
    if "quoted scalar" in str(error.context) and error.context_mark:
        place = Place(file, error.context_mark.line + 1)
        return problem_at(place, (), "a quotation mark is opened and not closed", "close it, or remove it")
    return problem_at(Place(file, line), (), f"not YAML: {reason}", _syntax_advice(reason, error))


def _syntax_advice(reason: str, error: yaml.MarkedYAMLError) -> str:
    if "mapping values are not allowed" in reason:
        return "put text that holds `: ` into quotes, and check that the line is indented like its neighbours"
    if "expected ',' or" in reason and error.context_mark:
        return f"close the bracket that is opened on line {error.context_mark.line + 1}"
    if "cannot start any token" in reason:
        return "put the value into quotes: @, ` and % cannot begin a word"
    return "check indents (spaces only), a colon and a space after each key, and brackets up to this line"
