"""A scan of a TLS listener by hand-made ClientHellos: everything weak is offered at once, and nothing else.

sslscan asks for one cipher after the other and waits for a refusal each time; coturn does not refuse, it keeps silent.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from socket import socket

#: Long enough for an answer on a busy machine; coturn keeps silent so long when it wants nothing of what is offered.
PATIENCE_S: Final = 3.0
SSL3, TLS10, TLS11, TLS12 = 0x0300, 0x0301, 0x0302, 0x0303
#: ECDHE with AES-GCM, ChaCha20 or ARIA-GCM (IANA's TLS Cipher Suites).
GOOD: Final = (0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0xC05C, 0xC05D, 0xC060, 0xC061)
#: All others for TLS 1.2 and older: SSL's export ciphers and NULL are in the first range.
WEAK: Final = tuple(
    suite
    for first, last in ((0x0001, 0x0055), (0x0067, 0x00C5), (0xC001, 0xC0B5), (0xCC13, 0xCC15), (0xCCA8, 0xCCAE))
    for suite in range(first, last + 1)
    if suite not in GOOD
)
#: What a listener must refuse: version, suites.
OFFERS: Final = (*((version, GOOD + WEAK) for version in (SSL3, TLS10, TLS11)), (TLS12, WEAK))


def chosen(sock: socket, version: int, suites: tuple[int, ...], name: str) -> tuple[int, int] | None:
    """The version and cipher suite that the server takes of these; None: it takes none."""
    sock.settimeout(PATIENCE_S)
    sock.sendall(_hello(version, suites, name))
    answer = b""
    try:
        while len(answer) < 44:
            if not (more := sock.recv(4096)):
                break
            answer += more
    except (TimeoutError, ConnectionError):
        pass
    if answer[:1] != b"\x16" or answer[5:6] != b"\x02":
        return None  # an alert, silence, or hung up
    after = 44 + answer[43]
    return int.from_bytes(answer[9:11], "big"), int.from_bytes(answer[after : after + 2], "big")


def _hello(version: int, suites: tuple[int, ...], name: str) -> bytes:
    host = name.encode()
    extensions = b"".join(
        struct.pack("!HH", kind, len(body)) + body
        for kind, body in (
            (0, struct.pack("!HBH", len(host) + 3, 0, len(host)) + host),
            (10, struct.pack("!H4H", 8, 29, 23, 24, 25)),
            (11, b"\1\0"),
            (13, struct.pack("!H8H", 16, 0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0203, 0x0201)),
            (0xFF01, b"\0"),
        )
    )
    ciphers = struct.pack(f"!{len(suites)}H", *suites)
    body = struct.pack("!H32sBH", version, os.urandom(32), 0, len(ciphers)) + ciphers + b"\1\0"
    body += struct.pack("!H", len(extensions)) + extensions
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", 22, min(version, TLS10), len(message)) + message
