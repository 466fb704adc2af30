"""What stands behind `bind` where TLS is ended. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.engines.base import Action, File

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voxgate.engines.haproxy.fragment import Ground
    from voxgate.engines.kamailio import Pair
    from voxgate.engines.sni import Further

CERTIFICATE: Final = "certificate.pem"
CERTIFICATES: Final = "certificates.txt"
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
    words = [f"ssl crt-list {ground.folder / CERTIFICATES}"]
    if alpn:
        words.append(f"alpn {alpn}")
    if legacy:
        words.append(LEGACY)
    if client_certificates and ground.clients_ca:
        # Without `no-ca-names`, GnuTLS clients send no certificate that another authority signed.
        words.append(f"ca-file {ground.folder / CLIENTS_CA} verify optional no-ca-names")
        words.append("ca-ignore-err all crt-ignore-err all")
    return " ".join(words)


def certificate_files(folder: Path, default: Pair, further: tuple[Further, ...]) -> Iterator[File]:
    """Every chain with its key, and the list of them (crt-list: the first is the default, then names behind each).

    Chains go in through the runtime socket; a longer list takes a seamless reload.
    """
    yield File(CERTIFICATE, default.certificate + default.key, Action.TLS, secret=True)
    for one in further:
        yield File(further_file(one.name), one.certificate + one.key, Action.TLS, secret=True)
    # Without names behind it, the default would answer for those that it shares with another.
    taken = {name for one in further for name in one.asked}
    own = [name for name in default.names if name not in taken] if taken else []
    lines = [" ".join((str(folder / CERTIFICATE), *own))]
    lines += [" ".join((str(folder / further_file(one.name)), *one.asked)) for one in further]
    yield File(CERTIFICATES, ("\n".join(lines) + "\n").encode(), Action.RELOAD)


def further_file(name: str) -> str:
    """The file of a certificate beside the default one."""
    return f"certificate-{name}.pem"
