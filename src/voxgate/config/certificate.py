"""Certificate files: there, readable, PEM, a pair, and in date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PrivateKeyTypes,
        PublicKeyTypes,
    )

    from voxgate.config.parts import Parts
    from voxgate.config.places import Path as KeyPath
    from voxgate.config.places import Places
    from voxgate.errors import Problem

_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bad:
    """What is wrong, and what would be right."""

    message: str
    advice: str


def check_certificates(parts: Parts, places: Places, now: datetime) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """(problems, warnings) of `certificates.default`, and of what trunks are shown.

    A date that does not fit is a warning: an edge whose certificate ran out must still be able to change
    everything else, and phones that do not look at dates go on working.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for base, (certificate, key) in _pairs(parts).items():
        wrong, dates = _check_pair(base, certificate, key, places, now)
        problems += wrong
        warnings += dates
    for name, trunk in parts.trunks.items():
        if trunk.tls and trunk.tls.ca and isinstance(bad := _certificate(trunk.tls.ca), Bad):
            problems.append(places.problem(("trunks", name, "tls", "ca"), bad.message, bad.advice))
    return tuple(problems), tuple(warnings)


def _pairs(parts: Parts) -> dict[KeyPath, tuple[Path, Path]]:
    """Certificate and key, by where they stand."""
    found: dict[KeyPath, tuple[Path, Path]] = {}
    if parts.certificates and (pair := parts.certificates.default):
        found["certificates", "default"] = (pair.certificate, pair.key)
    for name, trunk in parts.trunks.items():
        if trunk.tls and trunk.tls.certificate and trunk.tls.key:
            found["trunks", name, "tls"] = (trunk.tls.certificate, trunk.tls.key)
    return found


def _check_pair(
    base: KeyPath, certificate_file: Path, key_file: Path, places: Places, now: datetime
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    certificate, key = _certificate(certificate_file), _key(key_file)
    problems = [
        places.problem((*base, name), bad.message, bad.advice)
        for name, bad in (("certificate", certificate), ("key", key))
        if isinstance(bad, Bad)
    ]
    if isinstance(certificate, Bad):
        return tuple(problems), ()
    if not isinstance(key, Bad) and _public(certificate.public_key()) != _public(key.public_key()):
        advice = f"the first certificate in {certificate_file} must be the server's, made with this key"
        problems.append(places.problem((*base, "key"), "the key does not belong to the certificate", advice))
    dates = tuple(places.problem((*base, "certificate"), bad.message, bad.advice) for bad in _dates(certificate, now))
    return tuple(problems), dates


def _public(key: CertificatePublicKeyTypes | PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def content(path: Path) -> bytes | Bad:
    """A file of moderate size, or what is wrong with it."""
    try:
        if path.exists() and not path.is_file():  # a pipe would keep us waiting
            return Bad(f"{path} is not a file", "give the path of a PEM file")
        with path.open("rb") as file:
            found = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return Bad(f"{path} does not exist", "check the path")
    except OSError as error:
        return Bad(f"{path} cannot be read: {error.strerror}", "check that it is a file and who may read it")
    return found if len(found) <= _MAX_BYTES else Bad(f"{path} is too large", "1 MiB is the most")


def _certificate(path: Path) -> x509.Certificate | Bad:
    found = content(path)
    if isinstance(found, Bad):
        return found
    try:
        return x509.load_pem_x509_certificates(found)[0]
    except ValueError:
        return Bad(f"{path} holds no certificate in PEM form", "it must begin with -----BEGIN CERTIFICATE-----")


def _key(path: Path) -> PrivateKeyTypes | Bad:
    found = content(path)
    if isinstance(found, Bad):
        return found
    try:
        return load_pem_private_key(found, password=None)
    except TypeError:  # cryptography's way to say that a password is needed
        return Bad(f"{path} is encrypted with a password", "remove it: openssl pkey -in OLD -out NEW")
    except (ValueError, UnsupportedAlgorithm):
        return Bad(f"{path} holds no private key in PEM form", "it must begin with -----BEGIN PRIVATE KEY-----")


def _dates(certificate: x509.Certificate, now: datetime) -> Iterator[Bad]:
    if certificate.not_valid_after_utc < now:
        when = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        yield Bad(f"the certificate ran out on {when}", "renew it: most TLS clients refuse to connect")
    if certificate.not_valid_before_utc > now:
        when = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        yield Bad(f"the certificate is valid from {when} only", "check the clock of this machine")
