"""Checks of H.323 that need more than one key. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.config.servicecheck import Service, listening_problems, target_problems
from voxgate.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.h323 import H323Target
    from voxgate.config.model import Config
    from voxgate.config.parts import Parts
    from voxgate.config.pbxs import Pbx
    from voxgate.config.places import Path, Places

_SERVICE: Final = Service("h323", "H.323", ("H.323/TCP", "H.323/TLS"), 1720, 1300, "H.323/TLS is on 1300 as a rule")


def h323_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every contradiction about H.323."""
    if parts.listen and parts.listen.h323:
        yield from listening_problems(_SERVICE, parts.listen.h323, places)
    owners: dict[str, str] = {}
    for name, pbx in parts.pbxs.items():
        if pbx.h323 is not None:
            path: Path = ("pbxs", name, "h323")
            yield from _target(path, pbx.h323, parts, places)
            yield from _check(path, pbx.h323, parts, places)
            yield from _names(name, pbx, owners, places)


def h323_names(pbx: Pbx) -> tuple[str, ...]:
    """The gatekeeper IDs that lead to the PBX: its own for H.323, or all its names."""
    return (pbx.h323.names or pbx.names) if pbx.h323 else ()


def h323_cautions(config: Config) -> Iterator[Problem]:
    """What works, but hardly as it was meant."""
    for name, pbx in config.pbxs.items():
        if pbx.h323 and pbx.h323.check_certificate and config.certificates.clients_ca is None:
            advice = "set certificates.clients_ca to a PEM file with the authorities that sign phones' certificates"
            key = f"pbxs.{name}.h323.check_certificate"
            yield Problem("", 0, key, "nobody's client certificates count: all phones reach the PBX over TCP", advice)


def _target(path: Path, h323: H323Target, parts: Parts, places: Places) -> Iterator[Problem]:
    yield from target_problems(_SERVICE, path, h323, places)
    if h323.verify_certificate and h323.tls is None:
        message = "verifies a certificate, but tls names no port of the PBX"
        yield places.problem((*path, "verify_certificate"), message, "write tls: 1300")
    if parts.listen and parts.listen.h323 is None:
        message = "H.323 is not listened for"
        yield places.problem(path, message, "add listen.h323: {plain: 1720, tls: 1300}, or remove this")


def _check(path: Path, h323: H323Target, parts: Parts, places: Places) -> Iterator[Problem]:
    if not h323.check_certificate:
        return
    path = (*path, "check_certificate")
    if h323.plain is None or h323.tls is None:
        advice = "set tls to where the PBX takes phones with a certificate, and plain to where it takes all others"
        yield places.problem(path, "needs a port of the PBX with TLS and one without", advice)
    if parts.listen and parts.listen.h323 and parts.listen.h323.tls is None:
        yield places.problem(path, "no phone can come over TLS", "set listen.h323.tls, 1300 as a rule")


def _names(name: str, pbx: Pbx, owners: dict[str, str], places: Places) -> Iterator[Problem]:
    for asked in h323_names(pbx):
        owner = owners.setdefault(asked.lower(), name)
        # Names of the PBXs themselves are compared where they stand.
        if owner != name and pbx.h323 and pbx.h323.names:
            message = f"the gatekeeper ID {asked} leads to the PBX {owner} already"
            yield places.problem(
                ("pbxs", name, "h323", "names"), message, "an ID leads to one PBX: remove one of the two"
            )
