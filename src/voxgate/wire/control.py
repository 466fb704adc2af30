"""Voxgate's own control socket: one JSON line asks, JSON lines answer. Codec first, blocking client after.

A request is one line, at most `MAX_REQUEST_BYTES`:

    {"verb": "status"}          {"verb": "calls"}           {"verb": "history"}
    {"verb": "registrations"}     {"verb": "guard", ...}: see `guard_request`
    {"verb": "records", ...}: see `records_request`
    {"verb": "certs", ...}: see `certs_request`; edit, metrics, logs: `admin_request`
    {"verb": "plan", "path": FILE or null, "diff": bool}
    {"verb": "apply", "path": FILE or null, "yes": bool}
    {"verb": "rollback", "generation": N or null, "yes": bool, "force": bool}

The answer is any number of `{"progress": text}` and then one of `{"result": {...}}` and
`{"error": {"message": text, "advice": text, "exit_code": 1 or 2}}`.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from voxgate.errors import ExitCode, HostError, PeerError, VoxgateError
from voxgate.wire import admin_request
from voxgate.wire.admin_request import AdminRequest
from voxgate.wire.certs_request import VERB as CERTS
from voxgate.wire.certs_request import CertsRequest, certs_request
from voxgate.wire.guard_request import VERB as GUARD
from voxgate.wire.guard_request import GuardRequest, guard_request
from voxgate.wire.records_request import VERB as RECORDS
from voxgate.wire.records_request import RecordsRequest, records_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: A request names a verb, a path and some flags.
MAX_REQUEST_BYTES = 65_536
#: `plan --diff` of a thousand PBXs is the longest answer; 64 times its size is a fault.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
#: Longer than any apply: it waits for engines to become ready, and back again.
ANSWER_TIMEOUT_S = 300.0
_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """How everything is."""


@dataclass(frozen=True, slots=True)
class CallsRequest:
    """The running calls."""


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """All generations."""


@dataclass(frozen=True, slots=True)
class RegistrationsRequest:
    """Who is registered through the edge."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What `apply` would do; `path` None: the file that runs."""

    path: Path | None = None
    diff: bool = False


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """Make the file effective; `yes`: with all its dangers."""

    path: Path | None = None
    yes: bool = False


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """Back to an earlier generation; None: the one before. `force`: edits that were never applied may go."""

    generation: int | None = None
    yes: bool = False
    force: bool = False


_Bare = StatusRequest | CallsRequest | HistoryRequest | RegistrationsRequest
_Areas = CertsRequest | GuardRequest | RecordsRequest | AdminRequest
Request = _Bare | _Areas | PlanRequest | ApplyRequest | RollbackRequest

VERBS: dict[str, type[Request]] = {
    "status": StatusRequest,
    "calls": CallsRequest,
    "history": HistoryRequest,
    "registrations": RegistrationsRequest,
    "plan": PlanRequest,
    "apply": ApplyRequest,
    "rollback": RollbackRequest,
    GUARD: GuardRequest,
    CERTS: CertsRequest,
    RECORDS: RecordsRequest,
    **admin_request.VERBS,
}
_BARE: dict[str, type[_Bare]] = {
    "status": StatusRequest,
    "calls": CallsRequest,
    "history": HistoryRequest,
    "registrations": RegistrationsRequest,
}
_AREAS: dict[str, Callable[[dict[str, object]], Request]] = {
    GUARD: guard_request,
    CERTS: certs_request,
    RECORDS: records_request,
    **admin_request.DECODERS,
}
_NAMES = {kind: verb for verb, kind in VERBS.items()}


@dataclass(frozen=True, slots=True)
class Progress:
    """Something was begun."""

    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """The end, good."""

    value: dict[str, object]


@dataclass(frozen=True, slots=True)
class Failure:
    """The end, with what a person must know."""

    message: str
    advice: str
    exit_code: ExitCode


Answer = Progress | Result | Failure


class NotRunningError(HostError):
    """No Voxgate listens on the control socket."""

    def __init__(self) -> None:
        super().__init__("no Voxgate is running here", "start it with `voxgate run FILE`")


class RefusedError(VoxgateError):
    """The running Voxgate could not do what was asked; the exit code is its own."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message + (f"\n    {failure.advice}" if failure.advice else ""))
        self.exit_code = failure.exit_code


def encode_request(request: Request) -> bytes:
    """One line, its end included."""
    fields = asdict(request)
    if fields.get("path") is not None:
        fields["path"] = str(fields["path"])
    return _line({"verb": _NAMES[type(request)], **fields})


def decode_request(line: bytes) -> Request:
    """One request line, with or without its end. Raises PeerError for all that is not exactly one."""
    fields = _object(line, MAX_REQUEST_BYTES)
    verb = fields.pop("verb", None)
    if isinstance(verb, str) and verb in _AREAS:
        return _AREAS[verb](fields)
    match verb, fields:
        case str() as name, {**rest} if not rest and name in _BARE:
            return _BARE[name]()
        case "plan", {"path": str() | None as path, "diff": bool() as diff, **rest} if not rest:
            return PlanRequest(_path(path), diff)
        case "apply", {"path": str() | None as path, "yes": bool() as yes, **rest} if not rest:
            return ApplyRequest(_path(path), yes)
        case "rollback", {"generation": g, "yes": bool() as yes, "force": bool() as force, **rest} if not rest:
            if g is None or (type(g) is int and g > 0):
                return RollbackRequest(g, yes, force)
    raise PeerError("not a request of the control protocol")


def encode_answer(answer: Answer) -> bytes:
    """One line, its end included."""
    match answer:
        case Progress(text):
            return _line({"progress": text})
        case Result(value):
            return _line({"result": value})
        case Failure(message, advice, exit_code):
            return _line({"error": {"message": message, "advice": advice, "exit_code": int(exit_code)}})
        case _:
            assert_never(answer)


def decode_answer(line: bytes) -> Answer:
    """One answer line, with or without its end. Raises PeerError for all that is not exactly one."""
    match _object(line, MAX_ANSWER_BYTES):
        case {"progress": str() as text, **rest} if not rest:
            return Progress(text)
        case {"result": dict() as value, **rest} if not rest:
            return Result(value)
        case {
            "error": {"message": str() as message, "advice": str() as advice, "exit_code": 1 | 2 as code},
            **rest,
        } if not rest:
            return Failure(message, advice, ExitCode(code))
    raise PeerError("the running Voxgate answered with what the control protocol does not know")


def _path(path: str | None) -> Path | None:
    if path is None:
        return None
    # The client's folder is not the server's.
    if not path.startswith("/") or "\0" in path:
        raise PeerError("a path must be absolute")
    return Path(path)


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=True).encode() + b"\n"


def _object(line: bytes, limit_bytes: int) -> dict[str, object]:
    if len(line) > limit_bytes:
        raise PeerError(f"a line of the control protocol is longer than {limit_bytes} bytes")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PeerError("a line of the control protocol is not JSON") from error
    if not isinstance(fields, dict):
        raise PeerError("a line of the control protocol is not a JSON object")
    return fields


def ask(
    control_socket: Path,
    request: Request,
    progress: Callable[[str], None],
    timeout_s: float = ANSWER_TIMEOUT_S,
) -> dict[str, object]:
    """Ask the running Voxgate and wait for its result; blocking.

    Raises NotRunningError, RefusedError with the server's own words, PeerError when it breaks off or is
    silent for `timeout_s`, HostError when this user may not ask.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(os.fspath(control_socket))
            # A server that refuses does not wait for the request: its reason is there to be read all the same.
            with suppress(BrokenPipeError):
                connection.sendall(encode_request(request))
            return _result(_lines(connection), progress)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunningError from error
        except PermissionError as error:
            raise HostError(f"{control_socket} may not be opened", "run this as root, or with sudo") from error
        except TimeoutError as error:
            raise PeerError(f"the running Voxgate said nothing for {timeout_s:g} s") from error
        except OSError as error:
            raise PeerError(f"the running Voxgate cannot be asked: {error.strerror or error}") from error


def _result(lines: Iterator[bytes], progress: Callable[[str], None]) -> dict[str, object]:
    for line in lines:
        match decode_answer(line):
            case Progress(text):
                progress(text)
            case Result(value):
                return value
            case Failure() as failure:
                raise RefusedError(failure)
    raise PeerError("the running Voxgate ended without an answer; see its log")


def _lines(connection: socket.socket) -> Iterator[bytes]:
    """Whole lines, at most `MAX_ANSWER_BYTES` each; what follows the last line end is dropped."""
    pieces: list[bytes] = []
    size = 0
    while chunk := connection.recv(_CHUNK_BYTES):
        *whole, rest = chunk.split(b"\n")
        for end in whole:
            yield b"".join((*pieces, end))
            pieces, size = [], 0
        pieces.append(rest)
        size += len(rest)
        if size > MAX_ANSWER_BYTES:
            raise PeerError("the running Voxgate's answer is too long")
