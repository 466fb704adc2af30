"""A throwaway certificate authority and server certificates, as phones need them to verify the edge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from pathlib import Path

LIFE = timedelta(days=7)
AGE = timedelta(hours=1)
_CA_USAGE = x509.KeyUsage(
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
class Identity:
    """Paths of PEM files: certificate, its key (not encrypted), and the CA to trust."""

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA that lives as long as the object: the key is never written."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def issue(
        self,
        folder: Path,
        *names: str,
        stem: str = "server",
        life: timedelta = LIFE,
        age: timedelta = AGE,
        issuer_url: str = "",
    ) -> Identity:
        """A certificate for host names, addresses, `user@domain`, URIs, good for servers and clients. Raises OSError.

        The first name is also the common name; `life` counts from now and may be negative, `age` is how long it has
        been valid; `issuer_url` is where the certificate of this CA can be had. Writes ``<stem>.pem``,
        ``<stem>.key`` and ``ca.pem`` into ``folder``.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        made_up = (
            _blank(names[0], self.certificate.subject, key.public_key(), life, age)
            .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(_issuer_key(self.key), critical=False)
        )
        if issuer_url:
            made_up = made_up.add_extension(_issuer_at(issuer_url), critical=False)
        signed = made_up.sign(self.key, hashes.SHA256())
        made = Identity(folder / f"{stem}.pem", folder / f"{stem}.key", folder / "ca.pem")
        pem = serialization.Encoding.PEM
        made.certificate.write_bytes(signed.public_bytes(pem))
        made.key.touch(mode=0o600)
        made.key.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        made.ca.write_bytes(self.certificate.public_bytes(pem))
        return made


def authority(name: str = "Lab CA", above: Authority | None = None) -> Authority:
    """A fresh CA, which signs itself or is signed by the one `above` it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _blank(name, above.certificate.subject if above else subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if above else 1), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(_issuer_key(above.key if above else key), critical=False)
        .sign(above.key if above else key, hashes.SHA256())
    )
    return Authority(key, certificate)


def _blank(
    common: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta = LIFE, age: timedelta = AGE
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issuer_key(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    """Python 3.13 and later want it (RFC 5280 section 4.2.1.1)."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _issuer_at(url: str) -> x509.AuthorityInformationAccess:
    """Where the certificate above can be fetched (RFC 5280 section 4.2.2.1)."""
    where = x509.UniformResourceIdentifier(url)
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)])


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        if ":" in text:
            return x509.UniformResourceIdentifier(text)
        return x509.RFC822Name(text) if "@" in text else x509.DNSName(text)
