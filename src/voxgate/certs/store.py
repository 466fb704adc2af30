"""Which certificates TLS clients are shown, for which names: the operator's files, ACME's, or our own.

What lies in `folder`, beside the operator's files:

    own/authority.pem, authority.key   the edge's own authority
    own/HASH/                          what it signed, one for each set of names, so that planning a change of names
                                       does not touch what runs; made again before it expires
    acme/                              see `shelf`
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from voxgate.certs import authority
from voxgate.certs.shelf import KEY_MODE, Shelf
from voxgate.config.asked_names import asked_names
from voxgate.config.certificates import MOST_NAMES, Certificate
from voxgate.config.chain import Bad, Chain, certificates_of, chain_of, covers, key_of
from voxgate.engines.trunk_tls import TrunkFiles
from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from voxgate.config.model import Config

DEFAULT: Final = "default"
#: One of our own is replaced so long before its end.
RENEW_BEFORE: Final = timedelta(days=30)


class Origin(StrEnum):
    """Where a certificate comes from."""

    FILE = "file"
    ACME = "acme"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Shown:
    """A chain and its key in PEM, and what people want to know. `name` is its name in the configuration.

    `asked`: clients that ask for one of these names are shown it; empty for the default, which all others get. Not
    `complete`: a public authority signed it, and the certificate in between is missing.
    """

    name: str
    origin: Origin
    certificate: bytes
    key: bytes = field(repr=False)
    asked: tuple[str, ...]
    names: tuple[str, ...]
    begins: datetime
    expires: datetime
    der: bytes = field(repr=False)
    issuer: str
    self_signed: bool
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Store:
    """All certificates of an edge whose `folder` this is. Raises HostError where a file cannot be had."""

    folder: Path

    @property
    def shelf(self) -> Shelf:
        """What ACME signed."""
        return Shelf(self.folder / "acme")

    @property
    def authority_path(self) -> Path:
        """What clients are told to trust where the edge signs itself."""
        return self.folder / "own" / "authority.pem"

    def shown(self, config: Config, now: datetime) -> tuple[Shown, ...]:
        """What `config` asks for: the default first, then the others in their order."""
        others = config.certificates.others.items()
        return (
            self._one(DEFAULT, config.certificates.default or Certificate(), config, now),
            *(self._one(name, one, config, now) for name, one in others),
        )

    def _one(self, name: str, wanted: Certificate, config: Config, now: datetime) -> Shown:
        names = wanted_names(name, wanted, config)
        if wanted.certificate is not None and wanted.key is not None:
            return _shown(name, Origin.FILE, (files.read(wanted.certificate), files.read(wanted.key)), wanted.names)
        if wanted.acme is not None and (issued := self.shelf.current(name)) is not None:
            try:
                return _shown(name, Origin.ACME, (issued.certificate, issued.key), names)
            except HostError:
                pass  # somebody has put something else there: our own until it is ordered again
        return _shown(name, Origin.OWN, self._own(names, config.edge.domain, now), names)

    def _own(self, names: tuple[str, ...], domain: str, now: datetime) -> tuple[bytes, bytes]:
        signer = self._signer(domain, now)
        names = names if len(names) <= MOST_NAMES else names[:1]
        folder = self.folder / "own" / sha256(" ".join(names).encode()).hexdigest()[:16]
        try:
            pair = files.read(folder / "certificate.pem"), files.read(folder / "key.pem")
            kept = _shown("", Origin.OWN, pair, names)
        except HostError:
            kept = None
        if kept and kept.expires - now > RENEW_BEFORE and kept.certificate.endswith(signer.certificate_pem):
            return kept.certificate, kept.key
        certificate, key = signer.sign(names, now)
        files.ensure_folder(folder)
        files.write(folder / "key.pem", key, mode=KEY_MODE)
        files.write(folder / "certificate.pem", certificate)
        return certificate, key

    def _signer(self, domain: str, now: datetime) -> authority.Signer:
        path = self.authority_path
        try:
            signer = authority.found(files.read(path), files.read(path.with_suffix(".key")))
        except (HostError, ValueError):
            signer = None
        if signer and signer.certificate.not_valid_after_utc - now > authority.LIFETIME:
            return signer
        signer = authority.establish(domain, now)
        files.ensure_folder(path.parent)
        files.write(path.with_suffix(".key"), signer.key_pem, mode=KEY_MODE)
        files.write(path, signer.certificate_pem)
        return signer


def wanted_names(name: str, wanted: Certificate, config: Config) -> tuple[str, ...]:
    """The names that the certificate `name` is to be for; none where a file decides."""
    if wanted.names or name != DEFAULT:
        return wanted.names
    others = {asked for other in config.certificates.others.values() for asked in other.names}
    first, *asked = asked_names(config.edge.domain, config.pbxs.values())
    return (first, *(one for one in asked if not covers(others, one)))


def names_of(name: str, config: Config) -> tuple[str, ...]:
    """The same for one of `config` by its name; none where it has none of that name."""
    section = config.certificates
    one = (section.default or Certificate()) if name == DEFAULT else section.others.get(name)
    return wanted_names(name, one, config) if one else ()


def trusted(path: Path | None) -> bytes:
    """A trust list of the configuration, PEM; empty where there is none. Raises HostError."""
    return files.read(path) if path else b""


def trunk_files(config: Config) -> dict[str, TrunkFiles]:
    """The files of trunks with TLS of their own, by name. Raises HostError."""
    return {
        name: TrunkFiles(*(trusted(path) for path in (tls.certificate, tls.key, tls.ca)))
        for name, trunk in config.trunks.items()
        if (tls := trunk.tls)
    }


def _shown(name: str, origin: Origin, pair: tuple[bytes, bytes], names: tuple[str, ...]) -> Shown:
    """Raises HostError: what is there is no pair. The chain is put in order."""
    chain = _chain(*pair)
    if isinstance(chain, Bad):
        raise HostError(f"certificate {name}: {chain.message}", chain.advice)
    return Shown(
        name=name,
        origin=origin,
        certificate=chain.pem,
        key=pair[1],
        asked=() if name == DEFAULT else names or chain.names,
        names=chain.names,
        begins=chain.begins,
        expires=chain.expires,
        der=chain.der,
        issuer=chain.leaf.issuer.rfc4514_string()[:100],
        self_signed=origin is Origin.OWN or chain.self_signed,
        complete=not chain.alone,
    )


def _chain(certificate: bytes, key: bytes) -> Chain | Bad:
    several, private = certificates_of(certificate, "the file"), key_of(key, "the key")
    if isinstance(several, Bad):
        return several
    if isinstance(private, Bad):
        return private
    return chain_of(several, private)
