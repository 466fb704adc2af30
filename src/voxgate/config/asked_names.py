"""The host names that a TLS client can ask the edge for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxgate.config.pbxs import Pbx


def asked_names(domain: str, pbxs: Iterable[Pbx]) -> tuple[str, ...]:
    """The edge's own name first, then the PBXs' names for any protocol in the order of the alphabet."""
    asked = sorted({name for pbx in pbxs for name in _names(pbx)})
    return tuple(dict.fromkeys((domain, *asked)))


def _names(section: BaseModel) -> Iterator[str]:
    """A PBX's own names, and those that one of its protocols has beside them; no gatekeeper IDs."""
    yield from (name for name in getattr(section, "names", ()) if "/" not in name)
    for key in type(section).model_fields:
        inner = getattr(section, key)
        if isinstance(inner, BaseModel):
            yield from _names(inner)
