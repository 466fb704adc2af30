"""A client of LDAP that says what a test tells it to, and shows what it hears."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Self

from lab.topologies import EDGE_PUBLIC
from tests.unit.router.ldap.messages import bind, search

if TYPE_CHECKING:
    from lab.directory import Directory
    from tests.engine.directories import Directories


def first_code(data: bytes) -> int:
    return data[data.index(b"\x0a\x01") + 2]


class Client:
    """A client of our own on the phone's host; with `tls` it is OpenSSL, by Python's ssl."""

    def __init__(self, place: Directories, port: int = 389, *, tls: ssl.SSLContext | None = None) -> None:
        plain = place.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(10)
        plain.connect((EDGE_PUBLIC, port))
        self.sock: socket.socket = tls.wrap_socket(plain, server_hostname="edge.example.com") if tls else plain

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, data: bytes) -> bytes:
        self.sock.sendall(data)
        return self.sock.recv(65536)

    def login(self, directory: Directory) -> int:
        return first_code(self.ask(bind(directory.bind_dn, directory.password)))

    def found(self, directory: Directory) -> bytes:
        answer = self.ask(search(directory.suffix.dn))
        while b"\x65\x07\x0a\x01" not in answer[-40:]:
            answer += self.sock.recv(65536)
        return answer


def openssl(place: Directories, stem: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(place.folder / "ca.pem"))
    if stem:
        context.load_cert_chain(place.folder / f"{stem}.pem", place.folder / f"{stem}.key")
    return context
