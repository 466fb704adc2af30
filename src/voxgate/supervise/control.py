"""The local control socket: one verb a line, answers as JSON lines (see `wire.control`).

Only root and the user that Voxgate runs as are served; a client that is slow, talks garbage or goes away
harms nobody, and a verb once begun is finished whether or not its client still listens.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, assert_never

from voxgate.errors import EngineError, ExitCode, HostError, PeerError, VoxgateError
from voxgate.supervise.deeds import Deed, Ending, deed_of, outcome, refused
from voxgate.wire.admin_request import AdminRequest, EditRequest, LogsRequest, MetricsRequest
from voxgate.wire.certs_request import CertsRequest
from voxgate.wire.control import (
    MAX_REQUEST_BYTES,
    Answer,
    ApplyRequest,
    CallsRequest,
    Failure,
    HistoryRequest,
    PlanRequest,
    Progress,
    RegistrationsRequest,
    Request,
    Result,
    RollbackRequest,
    StatusRequest,
    decode_request,
    encode_answer,
)
from voxgate.wire.guard_request import GuardRequest
from voxgate.wire.records_request import RecordsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

log = logging.getLogger(__name__)

#: An administrator, a monitoring system and a web page; more is a loop gone wild.
MAX_CLIENTS = 8
#: The request is sent right after connecting.
REQUEST_TIMEOUT_S = 5.0
#: Time for a client to take an answer off the socket.
ANSWER_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """What a verb found: `data` for `--json`, `text` for people, and what the shell shall see."""

    data: dict[str, object]
    text: str
    exit_code: ExitCode = ExitCode.GOOD

    def to_json(self) -> dict[str, object]:
        """The result as it goes over the socket: `{"data": {...}, "text": text, "exit_code": 0, 1 or 2}`."""
        return {"data": self.data, "text": self.text, "exit_code": int(self.exit_code)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the user's name, and where what is begun can be told."""

    by: str
    progress: Callable[[str], None]


class Verbs(Protocol):
    """What can be asked for. Every method raises VoxgateError when it could not."""

    async def status(self) -> Told:
        """How everything is."""

    async def history(self) -> Told:
        """All generations."""

    async def plan(self, request: PlanRequest) -> Told:
        """What `apply` would do."""

    async def apply(self, request: ApplyRequest, caller: Caller) -> Told:
        """Make a configuration effective."""

    async def rollback(self, request: RollbackRequest, caller: Caller) -> Told:
        """Make an earlier generation's configuration effective."""


def open_control_socket(path: Path) -> socket.socket:
    """A listening socket at `path`, for its owner only. Raises HostError, also when another Voxgate listens."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            answers = probe.connect_ex(os.fspath(path)) == 0
        if not answers:
            path.unlink(missing_ok=True)
            listener.bind(os.fspath(path))
            # Between the two lines anybody may connect; SO_PEERCRED is what decides.
            path.chmod(0o600)
            listener.listen(MAX_CLIENTS)
    except OSError as error:
        listener.close()
        raise HostError(f"{path} cannot be opened: {error.strerror or error}", "see to its folder") from error
    if answers:
        listener.close()
        raise HostError(f"another Voxgate runs here: {path} answers", "stop it, or give another --run-dir")
    listener.setblocking(False)
    return listener


class ControlServer:
    """Serves the control socket until cancelled."""

    def __init__(
        self,
        listener: socket.socket,
        verbs: Verbs,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        calls: Callable[[], Awaitable[Told]] | None = None,
        *,
        registrations: Callable[[], Told] = lambda: Told({}, ""),
        certs: Callable[[CertsRequest, Caller], Awaitable[Told]] | None = None,
        guard: Callable[[GuardRequest], Awaitable[Told]] | None = None,
        records: Callable[[RecordsRequest], Awaitable[Told]] | None = None,
        admin: Callable[[AdminRequest, Caller], Awaitable[Told]] | None = None,
        audit: Callable[[str, Deed, Ending], None] = lambda *_: None,
    ) -> None:
        self._listener = listener
        self._registrations = registrations
        self._guard = guard
        self._records = records
        self._admin = admin
        self._audit = audit
        self._verbs = verbs
        self._request_timeout_s = request_timeout_s
        self._calls = calls
        self._certs = certs
        self._clients = 0

    async def serve(self) -> None:
        """Take clients until cancelled. A bug in a verb ends this, and with it the process."""
        async with asyncio.TaskGroup() as group:
            server = await asyncio.start_unix_server(
                lambda reader, writer: group.create_task(self._client(reader, writer)) and None,
                sock=self._listener,
                limit=MAX_REQUEST_BYTES,
            )
            try:
                # Not `serve_forever`: since Python 3.12 its end waits for every open connection.
                await asyncio.Event().wait()
            finally:
                server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            async with asyncio.timeout(None) as deadline:
                answer = await self._answer(reader, writer)
                deadline.reschedule(asyncio.get_running_loop().time() + ANSWER_TIMEOUT_S)
                _send(writer, answer)
                await writer.drain()
        except (TimeoutError, ConnectionError) as error:
            log.info("control_client_dropped reason=%s", type(error).__name__)
            writer.transport.abort()
        finally:
            self._clients -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        uid = _peer_uid(writer)
        if uid not in {0, os.getuid()}:
            log.warning("control_refused uid=%d", uid)
            return Failure("only root and Voxgate's own user may ask", "use sudo", ExitCode.FAILED)
        if self._clients > MAX_CLIENTS:
            return Failure("too many ask at once", "try again in a moment", ExitCode.FAILED)
        try:
            async with asyncio.timeout(self._request_timeout_s):
                line = await reader.readuntil(b"\n")
            request = decode_request(line)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError from error
        except asyncio.LimitOverrunError:
            return Failure("the request is too long", "use the voxgate command", ExitCode.USAGE)
        except PeerError as error:
            return Failure(str(error), "use the voxgate command of the same version", ExitCode.USAGE)
        log.info("control_request verb=%s uid=%d", type(request).__name__, uid)
        try:
            told = await self.carry_out(request, Caller(_user(uid), lambda text: _send(writer, Progress(text))))
        except VoxgateError as error:
            return failure_of(error)
        return Result(told.to_json())

    async def carry_out(self, request: Request, caller: Caller) -> Told:
        """What a request asks for, whichever way it came. Whatever it changes is written down. Raises VoxgateError."""
        deed = deed_of(request)
        try:
            told = await self._carry_out(request, caller)
        except VoxgateError as error:
            if deed is not None:
                self._audit(caller.by, deed, refused(error))
            raise
        if deed is not None:
            self._audit(caller.by, deed, outcome(told.data, int(told.exit_code)))
        return told

    async def _carry_out(self, request: Request, caller: Caller) -> Told:
        match request:
            case StatusRequest():
                told = await self._verbs.status()
            case CallsRequest():
                if self._calls is None:
                    raise HostError("this Voxgate lists no calls", "start it anew")
                told = await self._calls()
            case HistoryRequest():
                told = await self._verbs.history()
            case RegistrationsRequest():
                told = self._registrations()
            case EditRequest() | MetricsRequest() | LogsRequest() if self._admin is not None:
                told = await self._admin(request, caller)
            case CertsRequest() | GuardRequest() | RecordsRequest() | EditRequest() | MetricsRequest() | LogsRequest():
                told = await self._ask_area(request, caller)
            case PlanRequest():
                told = await self._verbs.plan(request)
            case ApplyRequest():
                told = await self._verbs.apply(request, caller)
            case RollbackRequest():
                told = await self._verbs.rollback(request, caller)
            case _:
                assert_never(request)
        return told

    async def _ask_area(self, request: Request, caller: Caller) -> Told:
        match request:
            case CertsRequest() if self._certs is not None:
                return await self._certs(request, caller)
            case GuardRequest() if self._guard is not None:
                return await self._guard(request)
            case RecordsRequest() if self._records is not None:
                return await self._records(request)
            case _:
                raise HostError("this Voxgate does not know of it", "start it anew")


def failure_of(error: VoxgateError) -> Failure:
    """An error as it goes over the socket."""
    match error:
        case HostError():
            return Failure(error.reason, error.advice, error.exit_code)
        case EngineError():
            return Failure(f"{error.engine}: {error.reason}", error.advice, error.exit_code)
        case _:
            return Failure(str(error), "", error.exit_code)


def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Progress is a bounded number of short lines, so nobody waits for a client to read it."""
    if not writer.is_closing():
        writer.write(encode_answer(answer))


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    peer = writer.get_extra_info("socket")
    # struct ucred: pid, uid, gid (unix(7))
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
