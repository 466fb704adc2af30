"""Questions from this machine: TCP connections, SIP and STUN over UDP. Each blocks for some seconds at most."""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from voxgate.doctor import options
from voxgate.wire.stun import Attribute, Class, MalformedError, Message, Method, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

_TCP_S: Final = 3.0
#: When a datagram is sent again, counted from the first one, and when it is given up.
_AGAIN_S: Final = (0.5, 1.5, 3.0)

#: Ports below those of media and relays: TURN's fence drops what comes from an address of ours and a relay's port.
_OWN_PORTS: Final = range(6000, 10000)
_BINDS: Final = 20

T = TypeVar("T")
Where = tuple[str, int]


def connects(where: Where, timeout_s: float = _TCP_S) -> str:
    """Why a TCP connection does not come about; empty: it does."""
    try:
        with socket.create_connection(where, timeout_s):
            return ""
    except OSError as error:
        return error.strerror or "no answer in time"


def sip(where: Where, domain: str, local: str = "", *, tcp: bool = False) -> options.Reply | None:
    """What is answered to OPTIONS; None: nothing."""
    token = secrets.token_hex(8)
    with _socket(where, local, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as sock:
        try:
            sock.settimeout(_TCP_S)
            sock.connect(where)
            own = sock.getsockname()
            asked = options.request(domain, own[0], own[1], token, "TCP" if tcp else "UDP")
            return _exchange(sock, asked, lambda data: options.reply_of(data, token))
        except OSError:
            return None


def stun(where: Where, local: str = "") -> str | None:
    """The address that a STUN server sees us at; None: no answer."""
    transaction = os.urandom(12)

    def read(data: bytes) -> str | None:
        try:
            message = decode(data)
            mapped = message.address(Attribute.XOR_MAPPED_ADDRESS) or message.address(Attribute.MAPPED_ADDRESS)
        except MalformedError:
            return None
        mine = message.transaction == transaction and message.kind is Class.SUCCESS
        return str(mapped.address) if mine and mapped else None

    with _socket(where, local, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(where)
            return _exchange(sock, encode(Message(Method.BINDING, Class.REQUEST, transaction)), read)
        except OSError:
            return None


def _socket(where: Where, local: str, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, kind)
    if local:
        bind(made, local)
    return made


def bind(sock: socket.socket, local: str) -> None:
    """Give it one of `_OWN_PORTS` of an address of ours, or any port where all that were tried are taken."""
    for _ in range(_BINDS):
        with suppress(OSError):
            sock.bind((local, secrets.choice(_OWN_PORTS)))
            return
    sock.bind((local, 0))


def _exchange(sock: socket.socket, data: bytes, read: Callable[[bytes], T | None]) -> T | None:
    """Send, again where nothing comes, and give the first answer that `read` takes."""
    begin = time.monotonic()
    datagrams = sock.type == socket.SOCK_DGRAM
    for number, until_s in enumerate(_AGAIN_S):
        if datagrams or number == 0:
            sock.send(data)
        while (left := begin + until_s - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                came = sock.recv(65_535)
            except TimeoutError:
                break
            if not came and not datagrams:
                return None
            if (answer := read(came)) is not None:
                return answer
    return None
