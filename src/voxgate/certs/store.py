"""Which certificate and key TLS clients are shown: the operator's files, or a self-signed pair of our own.

A self-signed pair lies in the state folder, one for each set of names, so that planning a change of names does
not touch what runs. It is made again when it is about to expire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography import x509

from voxgate.certs import selfsigned
from voxgate.engines.trunk_tls import TrunkFiles
from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.model import Config

#: A self-signed certificate is replaced so long before its end.
RENEW_BEFORE: Final = timedelta(days=30)
#: OpenSSL's clients take a certificate of 100 KB at most (SSL_CTX_set_max_cert_list(3)); a name has up to 253 bytes.
MOST_NAMES: Final = 250
_KEY_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate chain and key in PEM, and what people want to know about the first certificate."""

    certificate: bytes
    key: bytes
    names: tuple[str, ...]
    expires: datetime
    self_signed: bool


def shown(config: Config, folder: Path, now: datetime) -> Shown:
    """What `config` asks for; `folder` keeps self-signed pairs. Raises HostError when a file cannot be read."""
    files_given = config.certificates.default
    if files_given is not None:
        return _shown(files.read(files_given.certificate), files.read(files_given.key))
    names = _names(config)
    folder = folder / sha256(" ".join(names).encode()).hexdigest()[:16]
    try:
        found = _shown(files.read(folder / "certificate.pem"), files.read(folder / "key.pem"))
    except (HostError, ValueError):
        found = None
    if found and found.expires - now > RENEW_BEFORE:
        return found
    certificate, key = selfsigned.make(names, now)
    files.ensure_folder(folder)
    files.write(folder / "key.pem", key, mode=_KEY_MODE)
    files.write(folder / "certificate.pem", certificate)
    return _shown(certificate, key)


def clients_ca(config: Config) -> bytes:
    """The authorities whose client certificates count, PEM; empty where there are none. Raises HostError."""
    path = config.certificates.clients_ca
    return files.read(path) if path else b""


def trunk_files(config: Config) -> dict[str, TrunkFiles]:
    """The files of trunks with TLS of their own, by name. Raises HostError."""
    return {
        name: TrunkFiles(*(files.read(path) if path else b"" for path in (tls.certificate, tls.key, tls.ca)))
        for name, trunk in config.trunks.items()
        if (tls := trunk.tls)
    }


def _names(config: Config) -> tuple[str, ...]:
    """Every name that a TLS client can ask for, the edge's first; the edge's alone where they are too many."""
    asked = sorted({name for pbx in config.pbxs.values() for name in pbx.names if "/" not in name})
    names = tuple(dict.fromkeys((config.edge.domain, *asked)))
    return names if len(names) <= MOST_NAMES else names[:1]


def _shown(certificate: bytes, key: bytes) -> Shown:
    first = x509.load_pem_x509_certificate(certificate)
    try:
        alternative = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(alternative.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    self_signed = first.issuer == first.subject
    return Shown(certificate, key, names, first.not_valid_after_utc, self_signed)
