"""A TURN client for tests: one allocation over UDP, TCP or TLS, from a host of the lab."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
import time
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self

from voxgate.wire.stun import Attribute, Class, Endpoint, Message, Method, address, decode, encode, long_term_key

if TYPE_CHECKING:
    from lab.net import Net

REALM = "edge.example.com"
WAIT_S = 5.0


class RefusedError(Exception):
    """The server answered with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def time_limited(secret: str, user: str = "web", seconds: int = 600) -> tuple[str, str]:
    """User and password as any PBX makes them from the shared secret."""
    name = f"{int(time.time()) + seconds}:{user}"
    return name, base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode()


class TurnClient:
    """Use as a context manager. `credentials` are user and password."""

    def __init__(
        self, net: Net, host: str, server: tuple[str, int], credentials: tuple[str, str], transport: str = "udp"
    ) -> None:
        self._family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.sock: socket.socket = net.socket(host, self._family, kind)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(server)
        if transport == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)
        self.user, self.password = credentials
        self._stream = transport != "udp"
        self._allocated = False
        self._nonce = b""
        self._rest = b""
        self._data: list[tuple[Endpoint, bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Over UDP the server would keep it for ten minutes.
        if self._allocated:
            with suppress(RefusedError, OSError):
                self.refresh(0)
        self.sock.close()

    @property
    def certificate(self) -> bytes:
        """What the server showed."""
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.sock.getpeercert(binary_form=True) or b""

    def allocate(self) -> Endpoint:
        """The relayed address. Raises RefusedError."""
        answer = self._ask(Method.ALLOCATE, (Attribute.REQUESTED_TRANSPORT, bytes((17, 0, 0, 0))))
        relayed = answer.address(Attribute.XOR_RELAYED_ADDRESS)
        assert relayed is not None
        self._allocated = True
        return relayed

    def refresh(self, seconds: int = 600) -> int:
        """Seconds that the allocation has now. Raises RefusedError."""
        answer = self._ask(Method.REFRESH, (Attribute.LIFETIME, struct.pack("!I", seconds)))
        return int.from_bytes(answer.get(Attribute.LIFETIME) or b"", "big")

    def permit(self, peer: str) -> None:
        """Open the relay for a peer's address. Raises RefusedError."""
        transaction = os.urandom(12)
        where = address(Attribute.XOR_PEER_ADDRESS, Endpoint(ip_address(peer), 0), transaction)
        self._ask(Method.CREATE_PERMISSION, where, transaction=transaction)

    def send(self, peer: str, port: int, data: bytes) -> None:
        """Have data sent from the relayed address."""
        transaction = os.urandom(12)
        where = address(Attribute.XOR_PEER_ADDRESS, Endpoint(ip_address(peer), port), transaction)
        self.sock.sendall(encode(Message(Method.SEND, Class.INDICATION, transaction, (where, (Attribute.DATA, data)))))

    def receive(self, timeout_s: float = WAIT_S) -> tuple[Endpoint, bytes]:
        """Data that came to the relayed address, and from whom. Raises TimeoutError."""
        self.sock.settimeout(timeout_s)
        while not self._data:
            self._sort(self._message())
        return self._data.pop(0)

    def _ask(self, method: Method, *attributes: tuple[int, bytes], transaction: bytes = b"") -> Message:
        answer = self._once(method, attributes, transaction or os.urandom(12))
        if answer.error in {401, 438} and (nonce := answer.get(Attribute.NONCE)) and nonce != self._nonce:
            self._nonce = nonce
            fresh = transaction or os.urandom(12)
            answer = self._once(method, attributes, fresh)
        if answer.kind is Class.ERROR:
            raise RefusedError(answer.error)
        return answer

    def _once(self, method: Method, attributes: tuple[tuple[int, bytes], ...], transaction: bytes) -> Message:
        key = b""
        if self._nonce:
            named = (Attribute.USERNAME, self.user.encode()), (Attribute.REALM, REALM.encode())
            attributes = (*attributes, *named, (Attribute.NONCE, self._nonce))
            key = long_term_key(self.user, REALM, self.password)
        self.sock.settimeout(WAIT_S)
        self.sock.sendall(encode(Message(method, Class.REQUEST, transaction, attributes), key))
        while (message := self._message()).transaction != transaction:
            self._sort(message)
        return message

    def _sort(self, message: Message) -> None:
        peer, data = message.address(Attribute.XOR_PEER_ADDRESS), message.get(Attribute.DATA)
        if message.method == Method.DATA and peer is not None and data is not None:
            self._data.append((peer, data))

    def _message(self) -> Message:
        if not self._stream:
            return decode(self.sock.recv(2000))
        while len(self._rest) < 4 or len(self._rest) < 20 + int.from_bytes(self._rest[2:4], "big"):
            more = self.sock.recv(4000)
            if not more:
                raise ConnectionError
            self._rest += more
        size = 20 + int.from_bytes(self._rest[2:4], "big")
        whole, self._rest = self._rest[:size], self._rest[size:]
        return decode(whole)
