"""SIP messages as values, read and written. No sockets and no clock: bytes in, messages out (RFC 3261 section 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Self

COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding", "f": "From",
    "i": "Call-ID", "k": "Supported", "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To",
    "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via",
}  # fmt: skip
LIST_HEADERS = frozenset({"via", "route", "record-route", "path", "contact", "supported", "require", "service-route"})
MAX_HEAD = 65_536
MAX_BODY = 65_536
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_STATUS = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")
_REQUEST = re.compile(r"(\S+) (\S+) SIP/2\.0")

Headers = tuple[tuple[str, str], ...]


class MessageError(Exception):
    """The peer sent bytes that are no SIP message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses share. Header names are the full forms; list headers hold one value each."""

    headers: Headers = ()
    body: bytes = b""

    def get(self, name: str) -> str:
        """First value of a header, the empty string if absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    def having(self, *headers: tuple[str, str]) -> Self:
        """A copy with these headers added at the end."""
        return replace(self, headers=(*self.headers, *headers))

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.get("Call-ID")

    @property
    def cseq(self) -> int:
        """The number in CSeq. Raises MessageError."""
        number = self.get("CSeq").split(" ")[0]
        if not number.isdecimal():
            raise MessageError(f"CSeq {self.get('CSeq')!r}")
        return int(number)

    @property
    def cseq_method(self) -> str:
        """The method in CSeq."""
        return self.get("CSeq").rpartition(" ")[2]

    @property
    def branch(self) -> str:
        """The branch of the topmost Via."""
        found = re.search(r";\s*branch\s*=\s*([^;,\s]+)", self.get("Via"), re.IGNORECASE)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Request(Message):
    """A request; ``method`` and ``uri`` as sent."""

    method: str = field(default="", kw_only=True)
    uri: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Response(Message):
    """A response."""

    code: int = field(default=0, kw_only=True)
    reason: str = field(default="", kw_only=True)


def encode(message: Request | Response) -> bytes:
    """The bytes to send; Content-Length is added here and must not be among the headers."""
    if isinstance(message, Request):
        start = f"{message.method} {message.uri} SIP/2.0"
    else:
        start = f"SIP/2.0 {message.code} {message.reason}"
    lines = [start, *(f"{name}: {value}" for name, value in message.headers)]
    lines.append(f"Content-Length: {len(message.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + message.body


def parse_datagram(data: bytes) -> Request | Response | None:
    """The message in a datagram, None for a keepalive. Raises MessageError.

    Octets after Content-Length are dropped, fewer than it says are an error (section 18.3).
    """
    if not data.strip(b"\r\n\0"):
        return None
    head, found, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not found:
        raise MessageError("no empty line ends the headers")
    message = _head(head)
    size = _length(message)
    if size is None:
        size = len(body)
    if size > len(body):
        raise MessageError(f"Content-Length {size}, {len(body)} octets came")
    return _with_body(message, body[:size])


class StreamReader:
    """Cuts a TCP or TLS stream into messages; `feed` takes any pieces.

    ``pings`` counts the double CRLF of RFC 5626 that await a CRLF as answer.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self.pings = 0

    def feed(self, data: bytes) -> list[Request | Response]:
        """Messages completed by these octets. Raises MessageError; the stream is useless then."""
        self._buffer += data
        out: list[Request | Response] = []
        while (message := self._next()) is not None:
            out.append(message)
        return out

    @property
    def pending(self) -> int:
        """Octets that wait for the rest of their message."""
        return len(self._buffer)

    def _next(self) -> Request | Response | None:
        while self._buffer.startswith(b"\r\n\r\n"):
            self._buffer = self._buffer[4:]
            self.pings += 1
        if self._buffer.startswith(b"\r\n") and len(self._buffer) > 2 and not self._buffer.startswith(b"\r\n\r"):
            self._buffer = self._buffer[2:]
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._buffer.startswith(b"\r\n"):
            if len(self._buffer) > MAX_HEAD:
                raise MessageError(f"more than {MAX_HEAD} octets of headers")
            return None
        message = _head(self._buffer[:end])
        size = _length(message)
        if size is None:
            raise MessageError("a message on a stream without Content-Length")
        if len(self._buffer) < end + 4 + size:
            return None
        body = self._buffer[end + 4 : end + 4 + size]
        self._buffer = self._buffer[end + 4 + size :]
        return _with_body(message, body)


def split_list(value: str) -> list[str]:
    """Cut a header value at its commas, not at those inside quotes or angle brackets."""
    out, start, quoted, depth = [], 0, False, 0
    previous = ""
    for at, char in enumerate(value):
        if char == '"' and previous != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (char == "<") - (char == ">")
            if char == "," and depth <= 0:
                out.append(value[start:at].strip())
                start = at + 1
        previous = char
    out.append(value[start:].strip())
    return [item for item in out if item]


def _head(data: bytes) -> Request | Response:
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        raise MessageError("headers are not UTF-8") from exc
    start, *lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n")
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or not _TOKEN.fullmatch(name):
            raise MessageError(f"no header: {line[:60]!r}")
        name = COMPACT.get(name.lower(), name)
        values = split_list(value) if name.lower() in LIST_HEADERS else [value.strip()]
        headers += [(name, item) for item in values]
    if found := _STATUS.fullmatch(start):
        return Response(tuple(headers), code=int(found[1]), reason=found[2])
    if found := _REQUEST.fullmatch(start):
        return Request(tuple(headers), method=found[1], uri=found[2])
    raise MessageError(f"no start line: {start[:60]!r}")


def _length(message: Message) -> int | None:
    text = message.get("Content-Length")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_BODY:
        raise MessageError(f"Content-Length {text[:20]!r}")
    return int(text)


def _with_body(message: Request | Response, body: bytes) -> Request | Response:
    kept = tuple(pair for pair in message.headers if pair[0].lower() != "content-length")
    return replace(message, headers=kept, body=body)
