"""The talk with a responder on another machine: one JSON line asks, one answers. Pure.

It tries ports of the address that the question comes from, and of no other: it is nobody's tool against a third. The
SIP request of the talk goes over UDP to the responder's SIP port, and comes back in base64, which no helper on the way
understands.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import Final

from voxgate.errors import PeerError

CONTROL_PORT: Final = 8061
SIP_PORT: Final = 5060
MOST_PORTS: Final = 64
MOST_BYTES: Final = 16_384
_KINDS: Final = frozenset({"tcp", "sip", "stun"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """One port to try: `kind` tcp (a connection), sip (OPTIONS over UDP), stun (binding over UDP)."""

    kind: str
    port: int


@dataclass(frozen=True, slots=True)
class Question:
    """`media_port`: where a datagram with `token` is to be sent; 0: nowhere."""

    domain: str
    ports: tuple[Wanted, ...]
    media_port: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`errors`: for each port in its order what went wrong, empty: it answers. `now_s` is the responder's clock."""

    seen: str
    errors: tuple[str, ...]
    sip_port: int
    now_s: float


def encode(message: Question | Answer) -> bytes:
    """One line, its end included."""
    return json.dumps(asdict(message)).encode("ascii") + b"\n"


def question_of(line: bytes) -> Question:
    """Raises PeerError for all that is not exactly one."""
    match _object(line):
        case {"domain": str(domain), "ports": list(ports), "media_port": int(media), "token": str(token), **rest} if (
            not rest and len(ports) <= MOST_PORTS and 0 <= media <= 65535 and _plain(domain, 253) and _plain(token, 64)
        ):
            return Question(domain, tuple(map(_wanted, ports)), media, token)
    raise PeerError("not a question for a responder")


def answer_of(line: bytes) -> Answer:
    """Raises PeerError for all that is not exactly one."""
    match _object(line):
        case {"seen": str(seen), "errors": list(errors), "sip_port": int(port), "now_s": int() | float() as now}:
            if len(errors) <= MOST_PORTS and all(isinstance(one, str) for one in errors) and _plain(seen, 64):
                return Answer(seen, tuple(_shown(one) for one in errors), port, float(now))
    raise PeerError("not the answer of a responder: is it of the same version?")


def echoed(data: bytes) -> str:
    """What arrived at the responder, from its base64."""
    return base64.b64decode(data, validate=False).decode("utf-8", "replace")


def _wanted(entry: object) -> Wanted:
    match entry:
        case {"kind": str(kind), "port": int(port)} if kind in _KINDS and 0 < port < 65536:
            return Wanted(kind, port)
    raise PeerError("not a port for a responder to try")


def _object(line: bytes) -> dict[str, object]:
    try:
        fields = json.loads(line) if len(line) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise PeerError("a responder and whoever asks it exchange one JSON object each")
    return fields


def _plain(text: str, most: int) -> bool:
    return len(text) <= most and text.isascii() and text.isprintable() and " " not in text


def _shown(text: str) -> str:
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:120])
