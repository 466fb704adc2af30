"""A certificate with its chain and its key, as they were read: which one is the server's, what it is for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PrivateKeyTypes,
        PublicKeyTypes,
    )

#: What OpenSSL's security level 2 takes, Debian's default.
LEAST_RSA_BITS: Final = 2048
_WEAK_DIGESTS: Final = frozenset({"md5", "sha1"})
_MOST_CERTIFICATES: Final = 10


@dataclass(frozen=True, slots=True)
class Bad:
    """What is wrong, and what would be right."""

    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The server's certificate, and those that lead from it to its authority, each signed by the next.

    `sorted`: they stood in another order, or something stood beside them. `alone`: a public authority signed it and the
    certificate in between is missing.
    """

    leaf: x509.Certificate
    rest: tuple[x509.Certificate, ...]
    sorted: bool
    alone: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The host names it is for, wildcards among them."""
        try:
            alternative = self.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, ValueError):
            return ()
        return tuple(name.lower() for name in alternative.get_values_for_type(x509.DNSName))

    @property
    def expires(self) -> datetime:
        """Its end."""
        return self.leaf.not_valid_after_utc

    @property
    def begins(self) -> datetime:
        """Its beginning."""
        return self.leaf.not_valid_before_utc

    @property
    def self_signed(self) -> bool:
        """Whether nobody else vouches for it."""
        return self.leaf.issuer == self.leaf.subject

    @property
    def der(self) -> bytes:
        """The server's certificate as it goes over the wire."""
        return self.leaf.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """All of it, the server's first, as TLS wants it (RFC 8446 section 4.4.2)."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.leaf, *self.rest))


def certificates_of(pem: bytes, where: str) -> tuple[x509.Certificate, ...] | Bad:
    """All certificates in `pem`; `where` is how people call it."""
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return Bad(f"{where} holds no certificate in PEM form", "it must begin with -----BEGIN CERTIFICATE-----")
    if len(found) > _MOST_CERTIFICATES:
        advice = "give the server's certificate and those that lead to its authority"
        return Bad(f"{where} holds {len(found)} certificates, {_MOST_CERTIFICATES} are the most", advice)
    return found


def key_of(pem: bytes, where: str) -> PrivateKeyTypes | Bad:
    """The private key in `pem`, or what is wrong with it."""
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:  # cryptography's way to say that a password is needed
        return Bad(f"{where} is encrypted with a password", "remove it: openssl pkey -in OLD -out NEW")
    except (ValueError, UnsupportedAlgorithm):
        return Bad(f"{where} holds no private key in PEM form", "it must begin with -----BEGIN PRIVATE KEY-----")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        return Bad(f"{where} holds an RSA key of {key.key_size} bits", f"TLS of today takes {LEAST_RSA_BITS} at least")
    return key


def chain_of(found: tuple[x509.Certificate, ...], key: PrivateKeyTypes) -> Chain | Bad:
    """The certificate that `key` belongs to, wherever it stands, and what leads from it to its authority."""
    wanted = public(key.public_key())
    leaf = next((one for one in found if public(one.public_key()) == wanted), None)
    if leaf is None:
        return Bad("the key does not belong to the certificate", "give the key that this certificate was made with")
    digest = leaf.signature_hash_algorithm
    if digest is not None and digest.name in _WEAK_DIGESTS:
        return Bad(f"the certificate is signed with {digest.name.upper()}", "no TLS client of today takes it: renew it")
    rest: list[x509.Certificate] = []
    last = leaf
    while not _signs(last, last):
        above = next((one for one in found if one is not last and one not in rest and _signs(one, last)), None)
        if above is None:
            break
        rest.append(above)
        last = above
    return Chain(leaf, tuple(rest), (leaf, *rest) != found, alone=not rest and _says_who_signs(leaf))


def public(key: CertificatePublicKeyTypes | PublicKeyTypes) -> bytes:
    """A public key in a form that can be compared."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def covers(patterns: Iterable[str], name: str) -> bool:
    """Whether a certificate for `patterns` is good for `name`; a star is exactly one label (RFC 6125 section 6.4.3)."""
    known = set(patterns)
    first, dot, rest = name.partition(".")
    return name in known or (bool(dot) and bool(first) and f"*.{rest}" in known)


def _signs(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _says_who_signs(leaf: x509.Certificate) -> bool:
    """Public authorities name where the certificate in between can be fetched (RFC 5280 section 4.2.2.1)."""
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in access)
