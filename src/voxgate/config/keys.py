"""The model as a list of keys: for the reference page and for mistyped keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel

from voxgate.config.fields import Section
from voxgate.config.scalars import Kind
from voxgate.config.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from voxgate.config.places import Path

_PLAIN_WORDS: dict[object, str] = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "text",
    Secret: "`!secret NAME`",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file: `path` with `<name>` and `[]` where there are many, and its documentation."""

    path: str
    kind: str
    required: bool
    default: str
    sentence: str


def keys(model: type[Section], path: str = "") -> Iterator[Key]:
    """Every key of `model` in the order of the file, each section before what is in it."""
    for name, field in model.model_fields.items():
        here = f"{path}.{name}" if path else name
        inner = _inner(field.annotation)
        kind = "section" if inner and not inner[0] else _words(field.annotation, tuple(field.metadata))
        sentence = field.description or ""
        default = _default(field)
        yield Key(here, kind, field.is_required(), default, sentence)
        if inner:
            yield from keys(inner[1], here + inner[0])


def names_at(model: type[Section], path: Path) -> tuple[str, ...]:
    """The keys that are allowed in the mapping at `path`; none when `path` is not a section."""
    current: type[Section] | None = model
    skip = 0
    for part in path:
        if skip:
            skip -= 1
            continue
        field = current.model_fields.get(str(part)) if current else None
        inner = _inner(field.annotation) if field else None
        if inner is None:
            return ()
        current, skip = inner[1], 1 if inner[0] else 0
    return tuple(current.model_fields) if current and not skip else ()


def _inner(annotation: Any) -> tuple[str, type[Section]] | None:
    """The section inside an annotation, and how a path leads to it: directly, `[]`, or `.<name>`."""
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return ("", annotation) if issubclass(annotation, Section) else None
    if origin is Annotated:
        return _inner(args[0])
    if origin in {Union, UnionType}:
        return next((found for arg in args if (found := _inner(arg))), None)
    if origin is tuple and (found := _inner(args[0])):
        return "[]", found[1]
    if origin is dict and (found := _inner(args[1])):
        return ".<name>", found[1]
    return None


def _words(annotation: Any, metadata: tuple[Any, ...]) -> str:
    """The type in words."""
    args = get_args(annotation)
    kind = next((mark.words for mark in metadata if isinstance(mark, Kind)), None)
    match get_origin(annotation):
        case _ if kind:
            words = kind
        case origin if origin is Annotated:
            words = _words(args[0], args[1:])
        case origin if origin in {Union, UnionType}:
            words = " or ".join(dict.fromkeys(_words(arg, ()) for arg in args if arg is not NoneType))
        case origin if origin is tuple:
            words = f"{_words(args[0], ())}, or a list of them"
        case origin if origin is dict:
            words = "names with keys below"
        case origin if origin is Literal:
            words = " or ".join(f"`{value}`" for value in args)
        case _:
            words = _class_words(annotation) + _bounds(metadata)
    return words


def _class_words(annotation: Any) -> str:
    if issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if issubclass(annotation, Section):
        return "mapping"
    return _PLAIN_WORDS[annotation]


def _bounds(metadata: tuple[Any, ...]) -> str:
    low = next((mark.ge for mark in metadata if isinstance(mark, Ge)), None)
    high = next((mark.le for mark in metadata if isinstance(mark, Le)), None)
    return "" if low is None and high is None else f", {low}..{high}"


def _default(field: FieldInfo) -> str:
    """The default as it would be written in the file; empty when there is none."""
    value = field.default
    if field.is_required() or value is None or value == ():
        return ""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Section):
        given = [
            f"{name}: {getattr(value, name)}" for name in type(value).model_fields if name in value.model_fields_set
        ]
        return "{" + ", ".join(given) + "}" if given else ""
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return str(value)
