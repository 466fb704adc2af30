"""DTLS-SRTP for the peers (RFC 5764): always the active side, as behind a NAT; fingerprints in SDP (RFC 8122)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from lab.peers.srtp import KEY_BYTES, SALT_BYTES, Srtp, SrtpError

if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL = b"EXTRACTOR-dtls_srtp"
_PROFILE = b"SRTP_AES128_CM_SHA1_80"
_MOST = 4096


def fingerprint_of(body: bytes) -> str | None:
    """The SHA-256 fingerprint in an SDP, in upper case."""
    found = re.search(r"(?mi)^a=fingerprint:sha-256 ([0-9A-F:]+)", body.decode(errors="replace"))
    return found[1].upper() if found else None


def is_dtls(data: bytes) -> bool:
    """Whether a datagram on an RTP port is DTLS (RFC 7983)."""
    return bool(data) and 20 <= data[0] <= 63


@dataclass(slots=True)
class Dtls:
    """One handshake; `send` sends a datagram. `keys` are ours and theirs as soon as it is done."""

    send: Callable[[bytes], None] = field(default=lambda data: None)
    keys: tuple[Srtp, Srtp] | None = None
    expected: str = ""
    fingerprint: str = ""
    _connection: SSL.Connection | None = None

    def __post_init__(self) -> None:
        """Make a certificate of our own."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = _fingerprint(certificate)
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        # By the fingerprint, afterwards: there is no authority.
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_tlsext_use_srtp(_PROFILE)
        self._connection = SSL.Connection(context, None)
        self._connection.set_connect_state()

    def start(self, theirs: str) -> None:
        """Shake hands with whoever has this fingerprint; may be called again."""
        self.expected = theirs
        self._step()

    def received(self, data: bytes) -> None:
        """A datagram came. Raises SrtpError for a stranger's certificate."""
        if self._connection is not None and self.keys is None:
            self._connection.bio_write(data)
            self._step()

    def again(self) -> None:
        """Send again what was lost; every now and then."""
        if self._connection is not None and self.keys is None and self.expected:
            self._connection.DTLSv1_handle_timeout()
            self._flush()

    def _step(self) -> None:
        connection = self._connection
        if connection is None or self.keys is not None or not self.expected:
            return
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        self._flush()
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or _fingerprint(certificate) != self.expected:
            raise SrtpError("a certificate that SDP does not name")
        made = connection.export_keying_material(_LABEL, 2 * (KEY_BYTES + SALT_BYTES))
        keys = made[: 2 * KEY_BYTES]
        salts = made[2 * KEY_BYTES :]
        self.keys = (
            Srtp(keys[:KEY_BYTES] + salts[:SALT_BYTES]),
            Srtp(keys[KEY_BYTES:] + salts[SALT_BYTES:]),
        )

    def _flush(self) -> None:
        if self._connection is None:
            return
        while True:
            try:
                self.send(self._connection.bio_read(_MOST))
            except SSL.WantReadError:
                return


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
