"""Asks a responder elsewhere how this edge looks from there. Blocks for some seconds."""

from __future__ import annotations

import secrets
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from voxgate.doctor import options, outside
from voxgate.doctor.facts import Outside, Port
from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 45.0


def ask(
    host: str,
    domain: str,
    wanted: Sequence[tuple[outside.Wanted, str]],
    expected: tuple[str, ...],
    media: tuple[int, int],
) -> Outside:
    """`wanted` are ports with their purposes, `expected` our configured public addresses. Raises PeerError."""
    name, port = _host_port(host)
    token = secrets.token_hex(8)
    try:
        with socket.create_connection((name, port), _CONNECT_S) as talk:
            own, there = str(talk.getsockname()[0]), str(talk.getpeername()[0])
            with _media_socket(own, media) as ear:
                listening = ear.getsockname()[1] if ear else 0
                ports = tuple(one for one, _ in wanted)
                talk.settimeout(_ANSWER_S)
                talk.sendall(outside.encode(outside.Question(domain, ports, listening, token)))
                answer = outside.answer_of(_line(talk))
                kept = _source(ear, token, there) if listening else None
            ahead_s = answer.now_s - time.time()
            sent, arrived = _there_and_back(domain, own, (there, answer.sip_port))
    except OSError as error:
        raise PeerError(error.strerror or "no answer in time") from error
    tried = tuple(
        Port("tcp" if one.kind == "tcp" else "udp", f"{answer.seen} port {one.port}", purpose, error)
        for (one, purpose), error in zip(wanted, answer.errors, strict=False)
    )
    if listening:
        silence = "no datagram came" if kept is None else ""
        tried = (*tried, Port("udp", f"{answer.seen} port {listening}", "audio and video (RTP)", silence))
    return Outside(host, answer.seen, expected, tried, sent, arrived, kept, ahead_s)


def _line(talk: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) <= outside.MOST_BYTES:
        if not (part := talk.recv(4096)):
            break
        data += part
    return data


def _media_socket(own: str, media: tuple[int, int]) -> socket.socket:
    """A socket on one of the media ports, which firewalls must let in; on none of them where all are taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_DGRAM)
    first, last = media
    for _ in range(20):
        with suppress(OSError):
            sock.bind((own, first + secrets.randbelow(last - first + 1)))
            break
    return sock


def _source(ear: socket.socket, token: str, there: str) -> bool | None:
    """Whether the responder's datagram came with its own address; None: it did not come."""
    ear.settimeout(1.0)
    with suppress(OSError):
        for _ in range(20):
            data, source = ear.recvfrom(200)
            if data == token.encode("ascii"):
                return str(source[0]) == there
    return None


def _there_and_back(domain: str, own: str, where: tuple[str, int]) -> tuple[str, str | None]:
    """A SIP request as it was sent, and as it arrived."""
    with socket.socket(socket.AF_INET6 if ":" in own else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((own, 0))
        sock.connect(where)
        data = options.request(domain, own, sock.getsockname()[1], secrets.token_hex(8))
        for _ in range(3):
            with suppress(OSError, ValueError):
                sock.send(data)
                sock.settimeout(1.0)
                return data.decode("ascii"), outside.echoed(sock.recv(65_535))
    return data.decode("ascii"), None


def _host_port(text: str) -> tuple[str, int]:
    """`HOST`, `HOST:PORT`, `[ADDRESS]:PORT`. Raises PeerError."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    if not host or (port and not port.isdecimal()):
        raise PeerError(f"`{text}` is no host: write HOST, HOST:PORT or [ADDRESS]:PORT")
    return host, int(port or outside.CONTROL_PORT)
