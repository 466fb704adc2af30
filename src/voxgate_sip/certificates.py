"""Client certificates: whose they are. The TLS library has judged whether they are valid.

A phone with a certificate of its user reaches the PBX over TLS; everyone else reaches it over UDP or TCP, so that
the PBX can ask for a password. Nobody is refused for a certificate.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voxgate_sip.ksr import Ksr

#: Is the certificate valid, and its common name. Kamailio 5.6 gives but the first alternative name of a kind.
_FACTS: Final = "$_s($tls_peer_verified\x1e$tls_peer_subject_cn)"
_WHOLE: Final = "$tls_peer_raw_cert"
#: X.690 and RFC 5280: tags of what lies on the way to the alternative names.
_SEQUENCE, _OCTETS, _OID, _EXTENSIONS = 0x30, 0x04, 0x06, 0xA3
#: id-ce-subjectAltName (RFC 5280 section 4.2.1.6), and the kinds of names that can be a user's.
_ALTERNATIVE: Final = b"\x55\x1d\x11"
_KINDS: Final = frozenset({0x81, 0x82, 0x86})


class ClientCertificates:
    """Reads the names of the current connection's certificate."""

    def __init__(self, ksr: Ksr) -> None:
        self._ksr = ksr

    def names(self) -> frozenset[str]:
        """Common name and alternative names of a valid certificate; empty without one."""
        try:
            valid, _, common = str(self._ksr.pv.get(_FACTS)).partition("\x1e")
            if valid != "1":
                return frozenset()
            return frozenset((common, *alternative_names(str(self._ksr.pv.get(_WHOLE) or "")))) - {"", "<null>"}
        except ValueError:
            return frozenset()


def is_of(user: str, pbx: str, names: Iterable[str], domains: Mapping[str, str]) -> bool:
    """Whether one of `names` is the user's: `user`, `user@domain` or `sip:user@domain`.

    `domains` maps SIP domains to PBXs; another PBX's domain does not count.
    """
    for name in names:
        scheme, colon, rest = name.partition(":")
        address = rest if colon and scheme.lower() in {"sip", "sips"} else name
        who, at, domain = address.rpartition("@")
        if user and (address == user or (at and who == user and domains.get(domain.lower()) == pbx)):
            return True
    return False


def alternative_names(pem: str) -> tuple[str, ...]:
    """Mail addresses, host names and URIs among a certificate's alternative names. Raises ValueError."""
    body = pem.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    certificate = _inner(a2b_base64(body), _SEQUENCE)
    for extension in _values(_inner(_inner(_inner(certificate, _SEQUENCE), _EXTENSIONS), _SEQUENCE), _SEQUENCE):
        if _inner(extension, _OID) == _ALTERNATIVE:
            names = _inner(_inner(extension, _OCTETS), _SEQUENCE)
            return tuple(value.decode("ascii") for tag, value in _elements(names) if tag in _KINDS)
    return ()


def _inner(data: bytes, tag: int) -> bytes:
    """The value of the first element with that tag; empty without one."""
    return next(_values(data, tag), b"")


def _values(data: bytes, tag: int) -> Iterator[bytes]:
    return (value for found, value in _elements(data) if found == tag)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of each element (X.690 section 8.1; tags are one byte here). Raises ValueError."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("an element without a length")
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("an element longer than what holds it")
        yield tag, data[at : at + length]
        at += length
