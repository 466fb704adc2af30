"""The few LDAP messages that the router reads or writes itself (RFC 4511). Pure."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate.errors import PeerError
from voxgate.router.ldap.ber import ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, element, element_at, elements

if TYPE_CHECKING:
    from voxgate.router.ldap.framing import Message


class Operation(IntEnum):
    """Tags of protocolOp."""

    BIND = 0x60
    BIND_RESPONSE = 0x61
    UNBIND = 0x42
    SEARCH = 0x63
    MODIFY = 0x66
    ADD = 0x68
    DELETE = 0x4A
    RENAME = 0x6C
    COMPARE = 0x6E
    ABANDON = 0x50
    EXTENDED = 0x77
    EXTENDED_RESPONSE = 0x78


#: What answers each request (RFC 4511, 4.2 to 4.12).
RESPONSES: Final[dict[int, int]] = {
    Operation.BIND: Operation.BIND_RESPONSE,
    Operation.SEARCH: 0x65,
    Operation.MODIFY: 0x67,
    Operation.ADD: 0x69,
    Operation.DELETE: 0x6B,
    Operation.RENAME: 0x6D,
    Operation.COMPARE: 0x6F,
    Operation.EXTENDED: Operation.EXTENDED_RESPONSE,
}


class Result(IntEnum):
    """Result codes (RFC 4511, appendix A) that the router gives or has a word for."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    METHOD_NOT_SUPPORTED = 7
    STRONGER_AUTH_REQUIRED = 8
    REFERRAL = 10
    CONFIDENTIALITY_REQUIRED = 13
    SASL_IN_PROGRESS = 14
    NO_SUCH_OBJECT = 32
    INVALID_DN = 34
    INAPPROPRIATE_AUTHENTICATION = 48
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING = 53
    OTHER = 80


#: A bind with such a result was refused for what the server lacks or wants, not for its credentials.
NO_FAILURE: Final = frozenset(
    (
        Result.STRONGER_AUTH_REQUIRED,
        Result.REFERRAL,
        Result.CONFIDENTIALITY_REQUIRED,
        Result.BUSY,
        Result.UNAVAILABLE,
        Result.OTHER,
    )
)

STARTTLS: Final = b"1.3.6.1.4.1.1466.20037"
DISCONNECTION: Final = b"1.3.6.1.4.1.1466.20036"

_SIMPLE: Final = 0x80
_SASL: Final = 0xA3
_REQUEST_NAME: Final = 0x80
_RESPONSE_NAME: Final = 0x8A
_UNSOLICITED: Final = b"\x02\x01\x00"


class Bind(NamedTuple):
    """A BindRequest. `mechanism` is empty for a simple bind, else the name of the SASL mechanism, or `other`."""

    name: str
    mechanism: str = ""
    anonymous: bool = False


def read_bind(message: Message) -> Bind:
    """Raises PeerError: it is none."""
    version, name, authentication = _parts(message, 3)
    data = message.data
    if version[0] != INTEGER or name[0] != OCTET_STRING:
        raise PeerError("bind without version or name")
    text = data[name[1] : name[2]].decode("utf-8", "replace")
    tag, begin, end = authentication
    if tag == _SIMPLE:
        return Bind(text, anonymous=not text and begin == end)
    if tag != _SASL:
        return Bind(text, mechanism="other")
    mechanism = next(elements(data, begin, end), None)
    if mechanism is None or mechanism[0] != OCTET_STRING:
        raise PeerError("SASL bind without a mechanism")
    return Bind(text, mechanism=data[mechanism[1] : mechanism[2]].decode("ascii", "replace") or "other")


def read_result(message: Message) -> int:
    """The result code of a response. Raises PeerError."""
    tag, begin, end = _parts(message, 1)[0]
    if tag != ENUMERATED or not 1 <= end - begin <= 4:
        raise PeerError("response without a result code")
    return int.from_bytes(message.data[begin:end], "big")


def is_starttls(message: Message) -> bool:
    """Whether an ExtendedRequest asks for TLS. Raises PeerError."""
    tag, begin, end = _parts(message, 1)[0]
    if tag != _REQUEST_NAME:
        raise PeerError("extended request without a name")
    return message.data[begin:end] == STARTTLS


def response(message: Message, result: Result, text: str = "") -> bytes:
    """The answer to the request in `message`; nothing for what has none (unbind, abandon, unknown)."""
    tag = RESPONSES.get(message.operation)
    if tag is None:
        return b""
    name = b""
    if message.operation == Operation.EXTENDED and is_starttls(message):
        name = element(_RESPONSE_NAME, STARTTLS)
    return _response(message.identity, tag, result, text, name)


def disconnection(result: Result, text: str) -> bytes:
    """The Notice of Disconnection (RFC 4511, 4.4.1)."""
    return _response(_UNSOLICITED, Operation.EXTENDED_RESPONSE, result, text, element(_RESPONSE_NAME, DISCONNECTION))


def result_word(code: int) -> str:
    """A code as a log shows it: `invalid_credentials:49`, or its number."""
    try:
        return f"{Result(code).name.lower()}:{code}"
    except ValueError:
        return str(code)


def _parts(message: Message, count: int) -> list[tuple[int, int, int]]:
    """The first of the operation's own elements, so many."""
    data = message.data
    _, at, end = element_at(data, message.at, len(data))
    parts: list[tuple[int, int, int]] = []
    while len(parts) < count:
        if at >= end:
            raise PeerError("LDAP operation with a part missing")
        part = element_at(data, at, end)
        parts.append(part)
        at = part[2]
    return parts


def _response(identity: bytes, tag: int, result: Result, text: str, more: bytes) -> bytes:
    body = element(ENUMERATED, bytes((result,))) + element(OCTET_STRING, b"") + element(OCTET_STRING, text.encode())
    return element(SEQUENCE, identity + element(tag, body + more))
