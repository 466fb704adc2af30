"""A crowd of LDAPS clients that bind and then idle; told to by a line, each of them searches.

    python -m lab.peers.ldap_crowd ADDRESS NUMBER DN PASSWORD BASE

Prints `open N` when all are bound, `answered N` after each line on standard input; ends with its input.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

THREADS = 8
TIMEOUT_S = 60


def element(tag: int, *parts: bytes) -> bytes:
    """A short BER element."""
    content = b"".join(parts)
    return bytes((tag, len(content))) + content


class Client:
    """One connection, bound. Raises OSError where it is not."""

    def __init__(self, options: argparse.Namespace, context: ssl.SSLContext) -> None:
        plain = socket.create_connection((options.address, 636), TIMEOUT_S)
        self._sock = context.wrap_socket(plain)
        request = element(
            0x60, b"\x02\x01\x03", element(4, options.dn.encode()), element(0x80, options.password.encode())
        )
        self._ask(element(0x30, b"\x02\x01\x01", request), b"\x61\x07\x0a\x01\x00")
        number = b"\x02\x01\x00"
        scope = element(4, options.base.encode()) + b"\x0a\x01\x00\x0a\x01\x00" + number + number + b"\x01\x01\x00"
        everything = element(0x87, b"objectClass")
        self._search = element(0x30, b"\x02\x01\x02", element(0x63, scope, everything, element(0x30)))

    def search(self) -> bool:
        """Whether the suffix itself is found."""
        self._ask(self._search, b"\x65\x07\x0a\x01\x00")
        return True

    def _ask(self, request: bytes, end: bytes) -> None:
        self._sock.sendall(request)
        got = b""
        while end not in got:
            data = self._sock.recv(4096)
            if not data:
                raise ConnectionError("closed")
            got += data


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    for name in ("address", "number", "dn", "password", "base"):
        parser.add_argument(name, type=int if name == "number" else str)
    options = parser.parse_args()
    # The crowd's subject is not the certificate.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ThreadPoolExecutor(THREADS) as threads:
        clients = list(threads.map(lambda _: Client(options, context), range(options.number)))
        print(f"open {len(clients)}", flush=True)
        for _ in sys.stdin:
            print(f"answered {sum(threads.map(Client.search, clients))}", flush=True)


if __name__ == "__main__":
    main()
