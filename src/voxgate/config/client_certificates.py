"""Client certificates: what `pbxs.*.sip.check_certificate` needs, and whether the file of authorities is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from voxgate.config.certificate import content
from voxgate.config.chain import Bad

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voxgate.config.parts import Parts
    from voxgate.config.pbxs import SipTarget
    from voxgate.config.places import Path as KeyPath
    from voxgate.config.places import Places
    from voxgate.errors import Problem

#: Kamailio reads a whole bundle of public authorities at each start, in ten seconds; and none of them signs phones.
MOST_AUTHORITIES = 20


def check_client_certificates(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every contradiction around client certificates."""
    wanted = [name for name, pbx in parts.pbxs.items() if pbx.sip.check_certificate]
    given = parts.certificates.clients_ca if parts.certificates else None
    for key in ("clients_ca", "pbxs_ca"):
        listed = getattr(parts.certificates, key, None)
        if listed is not None and (bad := _authorities(listed)) is not None:
            yield places.problem(("certificates", key), bad.message, bad.advice)
    for name in wanted:
        path: KeyPath = ("pbxs", name, "sip", "check_certificate")
        if parts.certificates and given is None:
            advice = "set certificates.clients_ca to a PEM file with the authorities that sign phones' certificates"
            yield places.problem(path, "nobody's client certificates count", advice)
        if parts.listen and parts.listen.sip.tls is None:
            yield places.problem(path, "no phone can come over TLS", "set listen.sip.tls, 5061 as a rule")
        if advice := _missing(parts.pbxs[name].sip):
            yield places.problem(path, "needs a port for TLS and one for UDP or TCP", advice)


def _missing(sip: SipTarget) -> str:
    if sip.tls is None:
        return "set sip.tls to where the PBX takes phones with a certificate"
    return "" if sip.udp or sip.tcp else "set sip.udp or sip.tcp to where it takes all others"


def _authorities(path: Path) -> Bad | None:
    found = content(path)
    if isinstance(found, Bad):
        return found
    try:
        certificates = x509.load_pem_x509_certificates(found)
    except ValueError:
        return Bad(f"{path} holds no certificate in PEM form", "it must begin with -----BEGIN CERTIFICATE-----")
    if len(certificates) > MOST_AUTHORITIES:
        return Bad(
            f"{path} holds {len(certificates)} certificates, {MOST_AUTHORITIES} are the most",
            "give the authorities that sign your phones' or PBXs' certificates, not those of the whole web",
        )
    return None
