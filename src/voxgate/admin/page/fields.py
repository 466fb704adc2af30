"""Parts of the configuration as forms: a few fields, and all other keys as YAML below them. Pure.

A field's help is its key's own sentence in the model. What stands in a field that was not understood is given on as it
is: the configuration's own checks say what is wrong with it, at its key, which leads back to the field.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from voxgate.config.document import parse
from voxgate.config.places import dotted
from voxgate.config.raw import SECRET, plain
from voxgate.config.save import set_at
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxgate.admin.page.forms import Form
    from voxgate.admin.problems import WhereBody

#: The field of all other keys.
REST: Final = "rest"
_KEPT: Final = "!secret "
#: Longer than any text that is meant.
LONGEST: Final = 200_000


class Kind(Enum):
    """How a value is shown and typed."""

    TEXT = "text"
    NUMBER = "number"
    LINES = "lines"
    """A list: one item a line; `ADDRESS weight=10` is a mapping with the address."""
    PAIRS = "pairs"
    """A mapping: `KEY VALUE` a line; a value that is no text is JSON."""
    CHOICE = "choice"
    SECRET = "secret"  # noqa: S105  a kind's name
    """A password: typed and never shown; `!secret NAME` is one that is kept."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `path` within the thing; `choices` begin with what stands for the default."""

    path: tuple[str, ...]
    label: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    item: str = ""
    example: str = ""

    @property
    def name(self) -> str:
        """As the form calls it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as it is drawn."""

    field: Field
    text: str
    help: str
    wrong: str = ""


def shown(fields: Iterable[Field], value: Any) -> dict[str, str]:
    """The texts of all fields, and of the rest."""
    texts, rest = {}, _copy(value) if isinstance(value, dict) else {}
    for field in fields:
        texts[field.name] = _text(field, _taken(rest, field.path))
    return texts | {REST: yaml_of(rest)}


def drawn(
    fields: Iterable[Field], model: type[BaseModel], texts: Mapping[str, str], wrong: Mapping[str, str]
) -> list[Shown]:
    """The same with help, and with what is wrong."""
    return [Shown(one, texts.get(one.name, ""), sentence(model, one.path), wrong.get(one.name, "")) for one in fields]


def typed(fields: tuple[Field, ...], form: Form) -> dict[str, str]:
    """What a form brings."""
    texts = {field.name: form.text(field.name)[:LONGEST] for field in fields}
    for field in fields:
        if field.kind is Kind.SECRET and not texts[field.name]:
            texts[field.name] = form.text(f"{field.name}.kept")[:LONGEST]
    return texts | {REST: form.text(REST)[:LONGEST]}


def value_of(fields: Iterable[Field], texts: Mapping[str, str]) -> dict[str, Any]:
    """The value that a form means. Raises ConfigError for YAML that is none."""
    value = value_of_yaml(texts.get(REST, ""))
    for field in fields:
        if (text := texts.get(field.name, "").strip()) != "":
            _put(value, field.path, _value(field, text))
    return value


def placed(
    fields: Iterable[Field], key: tuple[str, ...], problems: Iterable[WhereBody]
) -> tuple[dict[str, str], list[WhereBody]]:
    """The problems at the fields of the thing at `key`, and those that belong to none."""
    wrong: dict[str, str] = {}
    others = []
    prefix = dotted(key) + "."
    named = sorted((field.name for field in fields), key=len, reverse=True)
    for problem in problems:
        inside = problem.key.removeprefix(prefix) if problem.key.startswith(prefix) else ""
        name = next((one for one in named if inside == one or inside.startswith((f"{one}.", f"{one}["))), "")
        if not name:
            others.append(problem)
            continue
        words = f"{problem.message}: {problem.advice}" if problem.advice else problem.message
        wrong[name] = f"{wrong[name]}; {words}" if name in wrong else words
    return wrong, others


def sentence(model: type[BaseModel], path: tuple[str, ...]) -> str:
    """What the model says of a key; empty where it says nothing."""
    words, at = "", model
    for part in path:
        field = at.model_fields.get(part)
        if field is None:
            return ""
        words = field.description or ""
        at = next(
            (one for one in _inside(field.annotation) if isinstance(one, type) and issubclass(one, BaseModel)), at
        )
    return words


def _inside(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *(inner for one in get_args(annotation) for inner in _inside(one)))


def yaml_of(value: Mapping[str, Any]) -> str:
    """As it stands in the file."""
    text = ""
    for key, inner in value.items():
        text = set_at(text, (key,), inner)
    return text if value else ""


def value_of_yaml(text: str) -> dict[str, Any]:
    """A mapping in YAML; a secret is `{"$secret": NAME}`. Raises ConfigError."""
    if not text.strip():
        return {}
    document = parse(text + "\n", "further keys")
    if document.problems or document.root is None:
        raise ConfigError(document.problems)
    found = plain(document.root)
    return found if isinstance(found, dict) else {}


def _copy(value: Any) -> Any:
    return {key: _copy(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _taken(value: dict[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at `path`, taken out; mappings that are empty then go, too."""
    if path[0] not in value:
        return None
    if len(path) == 1:
        return value.pop(path[0])
    inner = value[path[0]]
    if not isinstance(inner, dict):
        return None
    found = _taken(inner, path[1:])
    if not inner:
        del value[path[0]]
    return found


def _put(value: dict[str, Any], path: tuple[str, ...], what: Any) -> None:
    for part in path[:-1]:
        inner = value.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = value[part] = {}
        value = inner
    value[path[-1]] = what


def _text(field: Field, value: Any) -> str:
    if value is None:
        return ""
    match field.kind:
        case Kind.LINES:
            return "\n".join(_line(field, one) for one in (value if isinstance(value, list) else [value]))
        case Kind.PAIRS if isinstance(value, dict):
            return "\n".join(f"{key} {one if isinstance(one, str) else json.dumps(one)}" for key, one in value.items())
        case Kind.CHOICE if isinstance(value, bool):
            return "yes" if value else "no"
        case Kind.SECRET if isinstance(value, dict):
            return f"{_KEPT}{value.get(SECRET, '')}"
        case _:
            return str(value)


def _line(field: Field, one: Any) -> str:
    if isinstance(one, dict) and field.item in one:
        more = (f"{key}={inner}" for key, inner in one.items() if key != field.item)
        return " ".join((str(one[field.item]), *more))
    return one if isinstance(one, str) else json.dumps(one)


def _value(field: Field, text: str) -> Any:
    match field.kind:
        case Kind.NUMBER:
            return _number(text)
        case Kind.LINES:
            return [_item(field, line.strip()) for line in text.splitlines() if line.strip()]
        case Kind.PAIRS:
            pairs = (line.strip().partition(" ") for line in text.splitlines() if line.strip())
            return {key: _json(rest.strip()) for key, _, rest in pairs}
        case Kind.CHOICE if text in {"yes", "no"}:
            return text == "yes"
        case Kind.SECRET if text.startswith(_KEPT):
            return {SECRET: text.removeprefix(_KEPT)}
        case _:
            return text


def _item(field: Field, line: str) -> Any:
    words = line.split()
    if field.item and len(words) > 1 and all("=" in word for word in words[1:]):
        return {field.item: words[0]} | {
            key: _number(inner) for key, _, inner in (word.partition("=") for word in words[1:])
        }
    return _json(line)


def _json(text: str) -> Any:
    """A mapping in JSON, where it is one; else the text itself."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _number(text: str) -> Any:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else text
