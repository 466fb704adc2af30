"""Checks of HTTP that need more than one key. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.config.servicecheck import Service, listening_problems, target_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.parts import Parts
    from voxgate.config.pbxs import Pbx
    from voxgate.config.places import Path, Places
    from voxgate.errors import Problem

_SERVICE: Final = Service("http", "HTTP", ("HTTP", "HTTPS"), 80, 443, "HTTPS is on 443")


def web_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every contradiction about HTTP."""
    if parts.listen and parts.listen.http:
        yield from listening_problems(_SERVICE, parts.listen.http, places)
    owners: dict[str, str] = {}
    for name, pbx in parts.pbxs.items():
        yield from _target(name, pbx, places)
        if pbx.http and pbx.http.verify_certificate and parts.certificates and not parts.certificates.pbxs_ca:
            advice = "set certificates.pbxs_ca to a PEM file with the authorities that sign the PBXs' certificates"
            yield places.problem(("pbxs", name, "http", "verify_certificate"), "there is nobody to trust", advice)
        yield from _hosts(name, pbx, owners, places)


def _target(name: str, pbx: Pbx, places: Places) -> Iterator[Problem]:
    http = pbx.http
    if http is None:
        return
    path: Path = ("pbxs", name, "http")
    yield from target_problems(_SERVICE, path, http, places)
    only_passed = http.pass_tls and http.plain is None
    if not http.allow_urls and not only_passed:
        advice = 'write for instance allow_urls: ["@innovaphone-mypbx"]; "@everything" lets every URL through'
        yield places.problem(path, "lets no URL through", advice)
    for key, why in (("pass_tls", "passes TLS on"), ("verify_certificate", "verifies a certificate")):
        if getattr(http, key) and http.tls is None:
            yield places.problem((*path, key), f"{why}, but tls names no port of the PBX", "write tls: 443")
    if http.pass_tls and http.verify_certificate:
        message = "cannot verify a certificate in TLS that is passed through"
        yield places.problem((*path, "verify_certificate"), message, "leave it out: the client verifies it")


def _hosts(name: str, pbx: Pbx, owners: dict[str, str], places: Places) -> Iterator[Problem]:
    http = pbx.http
    if http is None:
        return
    hosts = http.names or tuple(one for one in pbx.names if "/" not in one)
    path: Path = ("pbxs", name, "http", "names") if http.names else ("pbxs", name, "http")
    if not hosts:
        advice = "add a host name to names, or give http names of its own"
        yield places.problem(path, "no name of the PBX is a host name", advice)
    for host in hosts:
        owner = owners.setdefault(host, name)
        if owner != name:
            message = f"the host {host} leads to the PBX {owner} already"
            yield places.problem(path, message, "a host leads to one PBX: remove one of the two")
