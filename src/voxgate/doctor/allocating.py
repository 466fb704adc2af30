"""One allocation at the edge's own TURN server, as a phone or browser makes it, given back at once (RFC 8656)."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from voxgate.doctor.asking import bind
from voxgate.doctor.facts import Port
from voxgate.engines.coturn import roles
from voxgate.engines.turn_credentials import credentials
from voxgate.wire.stun import Attribute, Class, MalformedError, Message, Method, decode, encode, long_term_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.plan.desired import Desired

_ANSWER_S: Final = 2.0
_UDP: Final = bytes((17, 0, 0, 0))
_UNAUTHORIZED: Final = 401
_NO_TIME: Final = bytes(4)
_REST_USER: Final = "doctor"
_REST_S: Final = 600


def allocations(desired: Desired, now_s: float) -> Iterator[Port]:
    """One for each kind of credentials, over UDP at the first address of each server."""
    turn = desired.config.turn
    for role in roles(turn) if turn else ():
        state = next((one for one in desired.engines if one.name == role.name), None)
        known = _credentials(desired, role.credentials, now_s)
        listener = next((one for one in state.listeners if one.proto == "udp"), None) if state else None
        if known and listener:
            where = (listener.address, listener.port)
            purpose = "TURN allocation with " + ("an account" if role.credentials == "accounts" else "a shared secret")
            yield Port("udp", f"{where[0]} port {where[1]}", purpose, allocate(where, *known))


def allocate(where: tuple[str, int], user: str, password: str) -> str:
    """Why there is none; empty: there was one."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(_ANSWER_S)
            bind(sock, where[0])
            sock.connect(where)
            challenge = _ask(sock, Method.ALLOCATE, ((Attribute.REQUESTED_TRANSPORT, _UDP),))
            realm, nonce = challenge.get(Attribute.REALM), challenge.get(Attribute.NONCE)
            if challenge.error != _UNAUTHORIZED or realm is None or nonce is None:
                return f"the server asks for no credentials (error {challenge.error})"
            key = long_term_key(user, realm.decode(), password)
            named = ((Attribute.USERNAME, user.encode()), (Attribute.REALM, realm), (Attribute.NONCE, nonce))
            answer = _ask(sock, Method.ALLOCATE, ((Attribute.REQUESTED_TRANSPORT, _UDP), *named), key)
            if answer.kind is not Class.SUCCESS:
                return f"refused with {answer.error}"
            _ask(sock, Method.REFRESH, ((Attribute.LIFETIME, _NO_TIME), *named), key)
            return ""
    except (MalformedError, UnicodeDecodeError):
        return "what came is no answer of a TURN server"
    except OSError as error:
        return error.strerror or "no answer in time"


def _ask(sock: socket.socket, method: Method, attributes: tuple[tuple[int, bytes], ...], key: bytes = b"") -> Message:
    sock.send(encode(Message(method, Class.REQUEST, os.urandom(12), attributes), key))
    return decode(sock.recv(2048))


def _credentials(desired: Desired, kind: str, now_s: float) -> tuple[str, str] | None:
    turn = desired.config.turn
    if kind == "accounts" and turn and turn.accounts:
        user, password = next(iter(turn.accounts.items()))
        return user, password.reveal()
    made = credentials(desired.config, _REST_USER, now_s, _REST_S) if kind == "rest" else None
    return (made.username, made.credential) if made else None
