"""A signing request made here, and what the authority sends back for it.

The key stays in `REQUESTS/NAME.key`, readable by root only, until the certificate is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from voxgate.certs.order import new_key
from voxgate.certs.shelf import KEY_MODE
from voxgate.config.chain import Bad, certificates_of, chain_of, key_of
from voxgate.errors import HostError, UsageError
from voxgate.host import files

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.certificates import KeyType
    from voxgate.config.chain import Chain


@dataclass(frozen=True, slots=True)
class Requests:
    """Open requests; `folder` keeps their keys. Raises HostError."""

    folder: Path

    def make(self, name: str, names: tuple[str, ...], kind: KeyType) -> bytes:
        """A request (PKCS#10, PEM) for `names`. One that is open keeps its key: the authority may be at work."""
        try:
            pem = files.read(self._key(name))
        except HostError:
            pem = new_key(kind)
            files.ensure_folder(self.folder)
            files.write(self._key(name), pem, mode=KEY_MODE)
        key = key_of(pem, str(self._key(name)))
        if isinstance(key, Bad) or not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise HostError(f"{self._key(name)} is no key of ours", "remove it")
        asked = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(asked, critical=False)
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def key(self, name: str) -> bytes:
        """The key of an open request. Raises UsageError when there is none."""
        try:
            return files.read(self._key(name))
        except HostError:
            advice = f"give it with --key, or make a request first: voxgate certs csr {name}"
            raise UsageError(f"there is no key for certificate {name}\n    {advice}") from None

    def done(self, name: str) -> None:
        """Its key lies beside its certificate now."""
        files.remove(self._key(name))

    def _key(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def paired(certificate: bytes, key: bytes, where: str) -> Chain:
    """The chain in order, if it and `key` are a pair. Raises UsageError that says what is wrong."""
    several, private = certificates_of(certificate, where), key_of(key, "the key")
    if isinstance(several, Bad):
        raise _refused(several)
    if isinstance(private, Bad):
        raise _refused(private)
    chain = chain_of(several, private)
    if isinstance(chain, Bad):
        raise _refused(chain)
    return chain


def _refused(bad: Bad) -> UsageError:
    return UsageError(f"{bad.message}\n    {bad.advice}")
