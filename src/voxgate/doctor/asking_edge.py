"""What the running Voxgate says, asked over its control socket; blocks. And what its configuration wishes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from voxgate.doctor.gathering import Told, Wishes
from voxgate.errors import PeerError, VoxgateError
from voxgate.wire.certs_request import CertsAction, CertsRequest
from voxgate.wire.control import StatusRequest, ask

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.doctor import Doctor
    from voxgate.wire.control import Request

_STUN_PORT: Final = 3478
_SERVER: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]{1,253}))(?::(?P<port>\d{1,5}))?")


def told_by(control_socket: Path) -> Told:
    """Its status and its handshakes; `silent` says why there are none."""
    now = datetime.now(UTC)
    try:
        status = _ask(control_socket, StatusRequest())
        return Told(now, status, _ask(control_socket, CertsRequest(CertsAction.VERIFY, None)))
    except VoxgateError as error:
        return Told(now, {}, {}, str(error).partition("\n")[0])


def server_of(text: str) -> tuple[str, int] | None:
    """HOST, HOST:PORT or [ADDRESS]:PORT of a STUN server; None: it is none."""
    given = _SERVER.fullmatch(text)
    return (given["six"] or given["host"], int(given["port"] or _STUN_PORT)) if given else None


def wishes_of(doctor: Doctor) -> Wishes:
    """Whom the configuration wants to be asked."""
    return Wishes(doctor.responders, server_of(doctor.stun) if doctor.stun else None, tuple(map(str, doctor.resolvers)))


def _ask(control_socket: Path, request: Request) -> dict[str, Any]:
    match ask(control_socket, request, lambda _: None):
        case {"data": dict() as data}:
            return data
    raise PeerError("it is of another version: restart it")
