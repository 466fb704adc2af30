"""Provider profiles: keys of a trunk under one name, which keys in the file override. The data lies in `providers/`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from pydantic import BeforeValidator

from voxgate.config.scalars import Kind, ScalarError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of provider. `needs` names the keys that only the operator knows; `settings` are keys of a trunk."""

    name: str
    summary: str
    needs: str
    docs: str
    settings: Mapping[str, Any]


@cache
def profiles() -> Mapping[str, Profile]:
    """All of them by name."""
    folder = files("voxgate.config") / "providers"
    texts = {entry.name.removesuffix(".yaml"): entry.read_text("utf-8") for entry in folder.iterdir()}
    return {name: Profile(name=name, **yaml.safe_load(texts[name])) for name in sorted(texts)}


def parse_profile(value: object) -> str:
    """The name of a profile."""
    if isinstance(value, str) and value in profiles():
        return value
    raise ScalarError(f"there is no provider profile `{value}`", "choose from " + ", ".join(profiles()))


ProfileName = Annotated[str, BeforeValidator(parse_profile), Kind("provider profile")]


def laid_under(trunk: object) -> object:
    """The keys of a trunk with those of its profile where it has none of its own; lists are not joined."""
    if isinstance(trunk, dict) and isinstance(name := trunk.get("profile"), str) and name in profiles():
        return _joined(profiles()[name].settings, trunk)
    return trunk


def _joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    joined = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            joined[key] = _joined(below[key], above[key])
    return joined
