"""What is said to a port by who does not speak its protocol: scanners, old phones, monitoring."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tests.engine import tls_hello
from tests.engine.web_office import context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Connect = Callable[[], socket.socket]

#: What scanners say to a port to see what is there.
NO_TLS: Final = (
    *(b"GET / HTTP/1.0\r\n\r\n", b"SSH-2.0-scan\r\n", bytes(64)),
    b"OPTIONS sip:x SIP/2.0\r\nVia: x\r\n\r\n",
)
NO_SIP: Final = (
    b"no SIP at all\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n",
    bytes(range(1, 9)) + b"\r\n\r\n",
    b"INVITE sip:x SIP/2.0\r\nContent-Length: none\r\n\r\n",
)
#: The head of a ClientHello.
_HELLO_BEGUN: Final = b"\x16\x03\x01\x02\x00\x01\x00\x01"


def babble(connect: Connect, words: Sequence[bytes], times: int) -> None:
    """Say one of `words` after the other, each over a connection of its own, until the other side ends it."""
    for number in range(times):
        with suppress(OSError), connect() as sock:
            sock.sendall(words[number % len(words)])
            while sock.recv(4096):
                pass


def old_tls(connect: Connect, times: int) -> None:
    """An honest client with TLS 1.1 alone."""
    old = context(version=ssl.TLSVersion.TLSv1_1)
    for _ in range(times):
        with suppress(OSError), connect() as sock:
            old.wrap_socket(sock)


def asks_for(connect: Connect, name: bytes) -> None:
    """A handshake for a name, with ciphers that nobody takes."""
    with suppress(OSError), connect() as sock:
        tls_hello.chosen(sock, tls_hello.TLS12, tls_hello.WEAK, name.decode("ascii"))


def comes_and_goes(connect: Connect) -> None:
    """What monitoring does, and phones that lose their power: at once, in mid-sentence, with a reset."""
    for said, reset in ((b"", False), (b"", True), (_HELLO_BEGUN, False), (_HELLO_BEGUN, True), (b"\r\n\r\n", False)):
        with suppress(OSError), connect() as sock:
            sock.sendall(said)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
