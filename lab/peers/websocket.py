"""WebSocket frames and the opening handshake, from the client's side (RFC 6455); the codec knows no socket."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from enum import IntEnum

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MAX_FRAME = 1 << 20


class WebSocketError(Exception):
    """The other side broke the protocol, or refused the upgrade."""


class Kind(IntEnum):
    """Opcodes (section 5.2)."""

    MORE = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


def new_key() -> str:
    """A nonce for Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def upgrade(
    host: str, key: str, *, path: str = "/ws", origin: str = "", protocol: str = "sip", more: tuple[str, ...] = ()
) -> bytes:
    """The client's handshake; `more` are further header lines."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
        *([f"Origin: {origin}"] if origin else []),
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def check_upgraded(head: bytes, key: str) -> None:
    """Raises WebSocketError when the server's answer is no upgrade to SIP for `key` (section 4.1, RFC 7118)."""
    status, *lines = head.decode("latin-1").split("\r\n")
    if not status.startswith("HTTP/1.1 101"):
        raise WebSocketError(status)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    accept = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()).decode()
    if headers.get("sec-websocket-accept") != accept or headers.get("sec-websocket-protocol", "").lower() != "sip":
        raise WebSocketError(f"no upgrade to SIP: {headers}")


def frame(kind: Kind, payload: bytes = b"") -> bytes:
    """One masked frame (section 5.3: clients mask)."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | kind, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([0x80 | kind, 0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | kind, 0x80 | 127]) + size.to_bytes(8, "big")
    mask = os.urandom(4)
    return head + mask + bytes(octet ^ mask[index & 3] for index, octet in enumerate(payload))


@dataclass(slots=True)
class FrameReader:
    """Server's octets in, (kind, payload) out; fragments are joined."""

    _buffer: bytes = b""
    _parts: list[bytes] = field(default_factory=list)
    _kind: Kind = Kind.TEXT

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """Whole messages completed by these octets. Raises WebSocketError."""
        self._buffer += data
        out = []
        while (found := self._next()) is not None:
            final, kind, payload = found
            if kind >= Kind.CLOSE:
                out.append((kind, payload))
                continue
            if kind is not Kind.MORE:
                self._kind, self._parts = kind, []
            self._parts.append(payload)
            if final:
                out.append((self._kind, b"".join(self._parts)))
        return out

    def _next(self) -> tuple[bool, Kind, bytes] | None:
        data = self._buffer
        if len(data) < 2:
            return None
        if data[1] & 0x80 or data[0] & 0x70:
            raise WebSocketError("a server's frame with a mask or with reserved bits")
        size, start = data[1] & 0x7F, 2
        if size > 125:
            width = 2 if size == 126 else 8
            if len(data) < 2 + width:
                return None
            size, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        if size > MAX_FRAME:
            raise WebSocketError(f"a frame of {size} octets")
        if len(data) < start + size:
            return None
        self._buffer = data[start + size :]
        try:
            return bool(data[0] & 0x80), Kind(data[0] & 0x0F), data[start : start + size]
        except ValueError as exc:
            raise WebSocketError(f"opcode {data[0] & 0x0F}") from exc
