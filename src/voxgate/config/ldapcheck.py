"""Checks of LDAP that need more than one key. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.config.servicecheck import Service, listening_problems, target_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.parts import Parts
    from voxgate.config.pbxs import Pbx
    from voxgate.config.places import Path, Places
    from voxgate.errors import Problem

_SERVICE: Final = Service("ldap", "LDAP", ("LDAP", "LDAPS"), 389, 636, "LDAPS is on 636")


def ldap_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every contradiction about LDAP."""
    if parts.listen and parts.listen.ldap:
        yield from listening_problems(_SERVICE, parts.listen.ldap, places)
    owners: dict[str, str] = {}
    for name, pbx in parts.pbxs.items():
        if pbx.ldap is not None:
            yield from _target(name, pbx, parts, places)
            yield from _names(name, pbx, owners, places)


def ldap_names(pbx: Pbx) -> tuple[str, ...]:
    """The domains of bind users that lead to the PBX: its own LDAP names, or all its names that are domains."""
    if pbx.ldap is None:
        return ()
    return pbx.ldap.names or tuple(name for name in pbx.names if "/" not in name)


def _target(name: str, pbx: Pbx, parts: Parts, places: Places) -> Iterator[Problem]:
    assert pbx.ldap is not None  # noqa: S101  the caller has looked
    ldap, path = pbx.ldap, ("pbxs", name, "ldap")
    yield from target_problems(_SERVICE, path, ldap, places)
    if ldap.verify_certificate and ldap.tls is None:
        message = "verifies a certificate, but tls names no port of the PBX"
        yield places.problem((*path, "verify_certificate"), message, "write tls: 636")
    if parts.listen and parts.listen.ldap is None:
        message = "LDAP is not listened for"
        yield places.problem(path, message, "add listen.ldap: {tls: 636}, or remove this")


def _names(name: str, pbx: Pbx, owners: dict[str, str], places: Places) -> Iterator[Problem]:
    path: Path = ("pbxs", name, "ldap")
    names = ldap_names(pbx)
    if not names:
        yield places.problem(path, "no name of the PBX is a domain", "give ldap names of its own: names: [example.com]")
    for domain in names:
        owner = owners.setdefault(domain, name)
        if owner != name:
            message = f"the LDAP domain {domain} leads to the PBX {owner} already"
            yield places.problem(path, message, "a domain leads to one PBX: remove one of the two")
