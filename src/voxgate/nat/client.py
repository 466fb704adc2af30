"""Asks a STUN server over UDP, from this machine."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from voxgate.errors import PeerError
from voxgate.nat.discovery import Answer, Findings, Socket, discover
from voxgate.wire.stun import (
    Attribute,
    Class,
    Endpoint,
    MalformedError,
    Message,
    Method,
    change_request,
    decode,
    encode,
)

if TYPE_CHECKING:
    from voxgate.nat.discovery import Ask

#: When a request is sent again, counted from the first time, and how long its answer is waited for. RFC 8489 section
#: 6.2.1 would wait 39 s; here silence is an answer of its own, and a strict NAT leads to two of them.
SEND_AGAIN_S: Final = (0.3, 0.8)
WAIT_S: Final = 2.0


def servers(host: str, port: int) -> tuple[Endpoint, ...]:
    """A server's address in each family in which this machine can send to it. Raises PeerError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise PeerError(f"{host}: {error.strerror or error}") from error
    first: dict[int, Endpoint] = {}
    for family, *_, where in found:
        if family in {socket.AF_INET, socket.AF_INET6} and family not in first and _local(str(where[0]), port):
            first[family] = Endpoint(ip_address(str(where[0])), port)
    if not first:
        raise PeerError(f"{host}: this machine has no way to it")
    return tuple(first.values())


def examine(server: Endpoint, second: Endpoint | None = None) -> Findings:
    """Find out about the way to `server`; takes up to seven seconds. Raises PeerError when nothing can be sent."""
    version = server.address.version
    with ExitStack() as stack:
        sockets = {name: stack.enter_context(_open(version)) for name in Socket}
        talk = discover(server, second if second and second.address.version == version else None)
        try:
            ask = next(talk)
            while True:
                ask = talk.send(_answer(sockets[ask.socket], ask))
        except StopIteration as end:
            findings: Findings = end.value
            return findings
        except OSError as error:
            raise PeerError(f"{server}: {error.strerror}") from error


def _open(version: int) -> socket.socket:
    made = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    # Answers come from elsewhere: the socket must not be connected.
    made.bind(("0.0.0.0" if version == 4 else "::", 0))  # noqa: S104 - which address it leaves from, routing says
    return made


def _local(address: str, port: int) -> str:
    """Our address towards there; empty where there is no way."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, port))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _answer(sock: socket.socket, ask: Ask) -> Answer | None:
    """The answer to one question, or None."""
    transaction = os.urandom(12)
    changes = (change_request(ip=ask.change_address, port=ask.change_port),)
    request = Message(
        Method.BINDING,
        Class.REQUEST,
        transaction,
        changes if ask.change_address or ask.change_port else (),
    )
    data, where = encode(request), (str(ask.server.address), ask.server.port)
    begin = time.monotonic()
    for until_s in (*SEND_AGAIN_S, WAIT_S):
        sock.sendto(data, where)
        while (left := begin + until_s - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0]:
                break
            packet, source = sock.recvfrom(2048)
            local = Endpoint(ip_address(_local(*where)), sock.getsockname()[1])
            if answer := _read(packet, transaction, Endpoint(_plain(source[0]), source[1]), local):
                return answer
    return None


def _plain(address: str) -> IPv4Address | IPv6Address:
    return ip_address(address.partition("%")[0])


def _read(packet: bytes, transaction: bytes, source: Endpoint, local: Endpoint) -> Answer | None:
    """Anybody may send us packets: what is no answer to this question is passed over."""
    try:
        message = decode(packet)
        if message.transaction != transaction or message.kind is not Class.SUCCESS:
            return None
        mapped = message.address(Attribute.XOR_MAPPED_ADDRESS) or message.address(Attribute.MAPPED_ADDRESS)
        other = message.address(Attribute.OTHER_ADDRESS) or message.address(Attribute.CHANGED_ADDRESS)
    except MalformedError:
        return None
    return Answer(mapped, source, local, other) if mapped else None
