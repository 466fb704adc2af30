"""Differences of the section `certificates` as sentences for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.certificates import Certificate
from voxgate.plan.change import ABSENT, Change, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.plan.change import Difference


def _whole(difference: Difference) -> Change:
    """A certificate that comes, goes, or comes from elsewhere."""
    kind = Kind.ADD if difference.old is ABSENT else Kind.REMOVE if difference.new is ABSENT else Kind.CHANGE
    old, new = _origin(difference.old), _origin(difference.new)
    return Change(kind, difference.dotted, f"certificate{_which(difference)} for TLS: {old} -> {new}")


def _origin(value: object) -> str:
    match value:
        case Certificate(acme=acme) if acme is not None:
            return "signed by ACME"
        case Certificate(certificate=path) if path is not None:
            return str(path)
        case _ if value is ABSENT:
            return "none"
        case _:
            return "signed by the edge itself"


def _acme(difference: Difference) -> Change:
    """Its parts may hold secrets."""
    words = "gets its account at ACME" if difference.old is None else "changes how ACME signs it"
    if difference.new is None:
        words = "is signed by ACME no more"
    return Change(Kind.CHANGE, difference.dotted, f"certificate{_which(difference)} for TLS {words}")


def _which(difference: Difference) -> str:
    return f" {difference.key[2]}" if difference.key[1] == "others" else ""


def _says(text: str) -> Callable[[Difference], Change]:
    def tell(difference: Difference) -> Change:
        old, new = _shown(difference.old), _shown(difference.new)
        subject = text.format(_which(difference))
        return Change(Kind.CHANGE, difference.dotted, f"{subject}: {old} -> {new}")

    return tell


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    return (", ".join(map(str, value)) or "the default") if isinstance(value, tuple) else str(value)


_KEYS: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    ((), _whole),
    (("certificate",), _says("certificate{0} for TLS")),
    (("key",), _says("key of certificate{0} for TLS")),
    (("acme",), _acme),
    (("names",), _says("names of certificate{0} for TLS")),
)

TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    *((("certificates", "default", *key), tell) for key, tell in _KEYS),
    *((("certificates", "others", "*", *key), tell) for key, tell in _KEYS),
    (("certificates", "clients_ca"), _says("authorities of client certificates")),
    (("certificates", "pbxs_ca"), _says("authorities of PBXs' certificates")),
)
