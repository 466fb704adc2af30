"""rtpengine's ng protocol: a cookie, a space and a bencoded dictionary in one UDP datagram; codec, then client.

Source: rtpengine manual, "The ng Control Protocol"; bencode as in BEP 3. Strings are bytes on the wire; here they
are `str` with undecodable bytes kept as surrogates (PEP 383), so that whatever came can be sent back unchanged.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias

from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

log = logging.getLogger(__name__)

Value: TypeAlias = "int | str | list[Value] | dict[str, Value]"

#: What a UDP datagram can carry over IPv4.
MOST_BYTES = 65507
#: rtpengine's deepest reply (query: calls, tags, medias, streams, endpoints) has nine levels.
DEEPEST = 24
_LONGEST_INTEGER = 20  # digits of an unsigned 64-bit number


def encode(value: Value) -> bytes:
    """Bencode a value; the keys of dictionaries are sorted, as BEP 3 wants. Raises TypeError for other types."""
    match value:
        case bool():
            raise TypeError("bencode has no truth values")
        case int():
            return b"i%de" % value
        case str():
            raw = value.encode("utf-8", "surrogateescape")
            return b"%d:%s" % (len(raw), raw)
        case list():
            return b"l" + b"".join(encode(item) for item in value) + b"e"
        case dict():
            return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(f"bencode has no {type(value).__name__}")


def decode(data: bytes) -> Value:
    """Return the one value that `data` is. Raises PeerError: not bencode, cut short, more follows, too deep."""
    value, end = _decode(data, 0, DEEPEST)
    if end != len(data):
        raise PeerError(f"bencode: {len(data) - end} bytes follow the value")
    return value


def _decode(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth == 0:
        raise PeerError(f"bencode: nested deeper than {DEEPEST}")
    match data[at : at + 1]:
        case b"i":
            return _integer(data, at + 1, b"e")
        case b"l":
            return _list(data, at + 1, depth)
        case b"d":
            return _dictionary(data, at + 1, depth)
        case b"":
            raise PeerError("bencode: cut short")
    return _string(data, at)


def _list(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    items: list[Value] = []
    while data[at : at + 1] != b"e":
        item, at = _decode(data, at, depth - 1)
        items.append(item)
    return items, at + 1


def _dictionary(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    pairs: dict[str, Value] = {}
    while data[at : at + 1] != b"e":
        if not data[at : at + 1]:
            raise PeerError("bencode: cut short")
        key, at = _string(data, at)
        pairs[key], at = _decode(data, at, depth - 1)
    return pairs, at + 1


def _string(data: bytes, at: int) -> tuple[str, int]:
    length, start = _integer(data, at, b":")
    end = start + length
    if length < 0 or data[at : at + 1] == b"-":
        raise PeerError("bencode: a string cannot have a negative length")
    if end > len(data):
        raise PeerError("bencode: cut short")
    return data[start:end].decode("utf-8", "surrogateescape"), end


def _integer(data: bytes, at: int, terminator: bytes) -> tuple[int, int]:
    end = data.find(terminator, at, at + _LONGEST_INTEGER + 2)
    if end < 0:
        raise PeerError("bencode: no number, or cut short")
    digits = data[at:end].removeprefix(b"-")
    # `int` alone would take spaces, underscores and a plus sign.
    if not digits.isdigit():
        raise PeerError("bencode: not a number")
    return int(data[at:end]), end + 1


@dataclass(frozen=True, slots=True)
class Message:
    """One datagram. The cookie joins a reply to its request and is repeated when the request is."""

    cookie: str
    body: dict[str, Value]

    def to_bytes(self) -> bytes:
        """Return the datagram. Raises PeerError when it is larger than UDP can carry."""
        data = self.cookie.encode("ascii") + b" " + encode(self.body)
        if len(data) > MOST_BYTES:
            raise PeerError(f"ng: a request of {len(data)} bytes does not fit into a datagram")
        return data


def parse(datagram: bytes) -> Message:
    """Return the message in a datagram. Raises PeerError."""
    cookie, space, rest = datagram.partition(b" ")
    if not space or not cookie or not cookie.isascii():
        raise PeerError("ng: a message starts with a cookie and a space")
    body = decode(rest)
    if not isinstance(body, dict):
        raise PeerError("ng: a message is a dictionary")
    return Message(cookie.decode("ascii"), body)


def outcome(command: str, body: dict[str, Value]) -> dict[str, Value]:
    """Return a reply that is no refusal. Raises EngineError with rtpengine's own reason.

    `statistics` has no `result` in 10.5; everything else has.
    """
    if body.get("result") == "error":
        raise EngineError("rtpengine", f"refused {command}: {body.get('error-reason', 'no reason given')}")
    return body


class NgClient:
    """Asks one rtpengine. Use as `async with`; requests may run at the same time.

    A request is sent `tries` times, `timeout_s` apart, with one cookie: rtpengine then repeats its first answer
    instead of doing the work twice.
    """

    def __init__(self, address: str, port: int, *, timeout_s: float = 0.5, tries: int = 3) -> None:
        self._where = (address, port)
        self._timeout_s = timeout_s
        self._tries = tries
        self._protocol = _Replies()
        self._transport: asyncio.DatagramTransport | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def request(self, command: str, arguments: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """Return the reply's dictionary. Raises EngineError: refused; PeerError: no answer in time."""
        transport = await self._open()
        message = Message(secrets.token_hex(8), {**(arguments or {}), "command": command})
        data = message.to_bytes()
        reply: asyncio.Future[dict[str, Value]] = asyncio.get_running_loop().create_future()
        self._protocol.waiting[message.cookie] = reply
        try:
            for _ in range(self._tries):
                transport.sendto(data)
                done, _ = await asyncio.wait((reply,), timeout=self._timeout_s)
                if done:
                    return outcome(command, reply.result())
        finally:
            del self._protocol.waiting[message.cookie]
            reply.cancel()
        raise PeerError(
            f"rtpengine at {self._where[0]} port {self._where[1]} did not answer {command} "
            f"within {self._timeout_s * self._tries:g} s"
        )

    async def ping(self) -> None:
        """Return when rtpengine serves. Raises PeerError."""
        reply = await self.request("ping")
        if reply.get("result") != "pong":
            raise PeerError(f"rtpengine answered a ping with {reply.get('result')!r}")

    async def _open(self) -> asyncio.DatagramTransport:
        async with self._opening:
            if self._transport is None:
                loop = asyncio.get_running_loop()
                # Connected, so that datagrams of others than rtpengine do not reach us.
                self._transport, _ = await loop.create_datagram_endpoint(
                    lambda: self._protocol, remote_addr=self._where
                )
            return self._transport


class _Replies(asyncio.DatagramProtocol):
    """Joins datagrams to the requests that wait for them."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[dict[str, Value]]] = {}

    def datagram_received(self, data: bytes, addr: Sequence[object]) -> None:
        del addr
        try:
            message = parse(data)
        except PeerError as error:
            log.warning("ng_unreadable error=%s", error)
            return
        reply = self.waiting.get(message.cookie)
        # A repeated request may be answered twice; the second answer finds nobody waiting.
        if reply is not None and not reply.done():
            reply.set_result(message.body)

    def error_received(self, exc: Exception) -> None:
        # ICMP port unreachable: nobody listens now, but the next try may find rtpengine started.
        log.debug("ng_error error=%s", exc)
