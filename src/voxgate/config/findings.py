"""What pydantic found -> problems in plain words, with place and advice. Pure."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from voxgate.config.keys import names_at
from voxgate.config.later import LATER, NAMED
from voxgate.config.scalars import ScalarError
from voxgate.config.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from voxgate.config.fields import Section
    from voxgate.config.places import Path, Places
    from voxgate.errors import Problem

_KINDS = {
    "int_type": ("a whole number is needed here", "write digits only"),
    "int_from_float": ("a whole number is needed here", "write digits only, without a point"),
    "float_type": ("a number is needed here", "write digits without quotes: 2.5"),
    "bool_type": ("true or false is needed here", "write true or false; yes, no, on and off are only words"),
    "string_type": (
        "text is needed here",
        "write a word; put numbers in quotes where they are meant as text",
    ),
    "model_type": ("keys belong here", "write `key: value` lines below it, indented by two spaces"),
    "dict_type": (
        "names with keys below them belong here",
        "write `name:` and its keys below, indented by two spaces",
    ),
    "tuple_type": ("a list belongs here", "write [first, second], or lines that begin with a hyphen"),
    "finite_number": ("a number is needed here", "write digits without quotes: 2.5"),
}


def findings(error: ValidationError, model: type[Section], places: Places, prefix: Path = ()) -> list[Problem]:
    """One problem for each mistake in `error`, which is about the value at `prefix` in a `model`."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        if _follows_from_another(detail):
            continue
        loc: Path = (*prefix, *detail["loc"])
        if loc and loc[-1] == "[key]":
            loc = loc[:-1]
        path = places.written(loc)
        if detail["type"] == "missing":
            path = (*path, loc[-1])
        message, advice = _sentence(detail, path, model)
        found.append(places.problem(path, message, advice))
    return found


def _follows_from_another(detail: ErrorDetails) -> bool:
    """pydantic counts only good items: a list whose one item is wrong is "too short" as well."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _sentence(detail: ErrorDetails, path: Path, model: type[Section]) -> tuple[str, str]:
    context: dict[str, Any] = detail.get("ctx", {})
    match detail["type"], detail["input"]:
        case "extra_forbidden", _:
            advice = _did_you_mean(str(path[-1]), _allowed(model, path[:-1]))
            sentence = "is not a key of this section", advice
        case "missing", _:
            sentence = "is missing", f"add `{path[-1]}:` here"
        case _, Secret():
            sentence = (
                "a secret cannot stand here",
                "write the value itself; `!secret` is for passwords and keys",
            )
        case _, None:
            sentence = "has no value", "write a value after the colon, or remove the key to get the default"
        case "value_error", _ if isinstance(error := context["error"], ScalarError):
            sentence = error.message, error.advice
        case "int_type", str(text) if text.isdigit():
            sentence = f'"{text}" is text, because of the quotes', f"write the number without quotes: {text}"
        case "greater_than_equal", value:
            sentence = f"{value} is too small", f"{context['ge']} is the least"
        case "less_than_equal", value:
            sentence = f"{value} is too large", f"{context['le']} is the most"
        case "enum" | "literal_error", value:
            allowed = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
            sentence = f"`{value}` is not one of the choices", _did_you_mean(str(value), allowed)
        case "too_short", _:
            sentence = "is empty", "give one at least"
        case kind, _:
            sentence = _KINDS.get(kind, (detail["msg"], "see the reference page of the configuration"))
    return sentence


def _allowed(model: type[Section], path: Path) -> list[str]:
    """Keys of this version and of later ones: a mistyped later key is worth its honest answer too."""
    pattern = [str(part) for part in path]
    if len(pattern) > 1 and pattern[0] in NAMED:
        pattern[1] = "*"
    later = [key.rpartition(".")[2] for key in LATER if key.rpartition(".")[0] == ".".join(pattern)]
    return [*names_at(model, path), *later]


def _did_you_mean(word: str, allowed: Iterable[str]) -> str:
    choices = list(allowed)
    folded = word.lower().replace("_", "-")
    by_folded = {choice.lower().replace("_", "-"): choice for choice in choices}
    close = get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    listed = "choose from " + ", ".join(choices)
    return f"did you mean `{by_folded[close[0]]}`? Otherwise {listed}" if close else listed
