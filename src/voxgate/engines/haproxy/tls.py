"""What stands behind `bind` where TLS is ended. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate.engines.haproxy.fragment import Ground

CERTIFICATE: Final = "certificate.pem"
CLIENTS_CA: Final = "clients_ca.pem"
PBXS_CA: Final = "pbxs_ca.pem"

#: TLS 1.2 with forward secrecy and authenticated encryption only, and 1.3 (Mozilla's "intermediate", without RSA-DHE).
MODERN: Final = "ssl-min-ver TLSv1.2 no-tls-tickets"
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: Phones of the years before 2015: TLS 1.0, SHA-1, RSA key exchange. OpenSSL 3 takes them at security level 0 only.
LEGACY: Final = "ssl-min-ver TLSv1.0 ciphers DEFAULT:@SECLEVEL=0"


def bind_tls(ground: Ground, *, alpn: str = "", legacy: bool = False, client_certificates: bool = False) -> str:
    """The words after the address. With `client_certificates`, one is asked for and none is refused:

    what it is worth is told by the PROXY header. Browsers would ask their users for one, so not for HTTP.
    """
    words = [f"ssl crt {ground.folder / CERTIFICATE}"]
    if alpn:
        words.append(f"alpn {alpn}")
    if legacy:
        words.append(LEGACY)
    if client_certificates and ground.clients_ca:
        # Without `no-ca-names`, GnuTLS clients send no certificate that another authority signed.
        words.append(f"ca-file {ground.folder / CLIENTS_CA} verify optional no-ca-names")
        words.append("ca-ignore-err all crt-ignore-err all")
    return " ".join(words)
