"""Certificates beside the default one: shown to clients that ask for one of their names (SNI, RFC 6066). Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from voxgate.config.chain import covers


@dataclass(frozen=True, slots=True)
class Further:
    """One more certificate: its short name, the host names it is shown for, chain and key in PEM."""

    name: str
    asked: tuple[str, ...]
    certificate: bytes
    key: bytes = dataclasses.field(repr=False)


def chosen(name: str, further: tuple[Further, ...]) -> Further | None:
    """The one that is shown to a client that asks for `name`: a whole name before a wildcard; None: the default."""
    exact = next((one for one in further if name in one.asked), None)
    return exact or next((one for one in further if covers(one.asked, name)), None)
