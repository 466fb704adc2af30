"""The edge's own authority: signs certificates, so that TLS works before there is a better one.

Nobody trusts it without being told to; who is told once trusts every certificate that the edge will make.
Pure but for the keys' randomness.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from datetime import datetime

AUTHORITY_LIFETIME: Final = timedelta(days=3650)
#: The longest that clients of today take from any authority.
LIFETIME: Final = timedelta(days=397)
#: Clients' clocks are not ours.
_EARLY: Final = timedelta(hours=1)
_COMMON_NAME_LENGTH: Final = 64  # RFC 5280, ub-common-name
_PEM: Final = serialization.Encoding.PEM
_SIGNS_CERTIFICATES: Final = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority: its certificate, and the key that signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """What clients are told to trust."""
        return self.certificate.public_bytes(_PEM)

    @property
    def key_pem(self) -> bytes:
        """For a file that only root reads."""
        return private_pem(self.key)

    def sign(self, names: tuple[str, ...], now: datetime) -> tuple[bytes, bytes]:
        """Chain and key, both PEM, of a server called `names` (RFC 5280; EC P-256)."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = (
            _blank(names[0], self.certificate.subject, key, now, LIFETIME)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_issuer(self.key), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return signed.public_bytes(_PEM) + self.certificate_pem, private_pem(key)


def found(certificate: bytes, key: bytes) -> Signer:
    """An authority that was kept. Raises ValueError when this is none."""
    private = serialization.load_pem_private_key(key, password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of ours")  # noqa: TRY004  a key of another kind is a wrong value
    return Signer(x509.load_pem_x509_certificate(certificate), private)


def establish(domain: str, now: datetime) -> Signer:
    """A new authority, named after the edge."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Voxgate {domain}"
    subject = _name(name)
    certificate = (
        _blank(name, subject, key, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .add_extension(_issuer(key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Signer(certificate, key)


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key in the form that every engine reads."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _blank(
    common: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:_COMMON_NAME_LENGTH])])


def _issuer(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
