from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.errors import ExitCode, PeerError
from voxgate.wire.control import (
    MAX_REQUEST_BYTES,
    Answer,
    ApplyRequest,
    CallsRequest,
    Failure,
    HistoryRequest,
    NotRunningError,
    PlanRequest,
    Progress,
    RefusedError,
    Request,
    Result,
    RollbackRequest,
    StatusRequest,
    ask,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS: list[tuple[Request, str]] = [
    (StatusRequest(), '{"verb": "status"}\n'),
    (CallsRequest(), '{"verb": "calls"}\n'),
    (HistoryRequest(), '{"verb": "history"}\n'),
    (PlanRequest(), '{"verb": "plan", "path": null, "diff": false}\n'),
    (PlanRequest(Path("/a.yaml"), diff=True), '{"verb": "plan", "path": "/a.yaml", "diff": true}\n'),
    (ApplyRequest(Path("/a\n.yaml"), yes=True), '{"verb": "apply", "path": "/a\\n.yaml", "yes": true}\n'),
    (RollbackRequest(), '{"verb": "rollback", "generation": null, "yes": false, "force": false}\n'),
    (RollbackRequest(3, yes=True), '{"verb": "rollback", "generation": 3, "yes": true, "force": false}\n'),
]
ANSWERS: list[tuple[Answer, str]] = [
    (Progress("kamailio: write\n"), '{"progress": "kamailio: write\\n"}\n'),
    (Result({"a": [1]}), '{"result": {"a": [1]}}\n'),
    (Failure("no", "yes", ExitCode.USAGE), '{"error": {"message": "no", "advice": "yes", "exit_code": 2}}\n'),
]


@pytest.mark.parametrize(("request_", "line"), REQUESTS, ids=[row[1][:50] for row in REQUESTS])
def test_a_request_is_one_line_both_ways(request_: Request, line: str) -> None:
    assert encode_request(request_) == line.encode()
    assert decode_request(line.encode()) == request_


@pytest.mark.parametrize(("answer", "line"), ANSWERS, ids=[row[1][:20] for row in ANSWERS])
def test_an_answer_is_one_line_both_ways(answer: Answer, line: str) -> None:
    assert encode_answer(answer) == line.encode()
    assert decode_answer(line.encode()) == answer


BAD_REQUESTS = {
    "nothing": b"",
    "not JSON": b"GET / HTTP/1.0\r\n",
    "half": b'{"verb": "sta',
    "trailing bytes": b'{"verb": "status"}{}',
    "a list": b"[]",
    "no verb": b"{}",
    "unknown verb": b'{"verb": "halt"}',
    "a verb that is no text": b'{"verb": ["status"]}',
    "one key too many": b'{"verb": "status", "x": 1}',
    "one key too few": b'{"verb": "apply", "path": null}',
    "a flag that is no flag": b'{"verb": "apply", "path": null, "yes": 1}',
    "a relative path": b'{"verb": "apply", "path": "a.yaml", "yes": true}',
    "a path with NUL": b'{"verb": "apply", "path": "/a\\u0000", "yes": true}',
    "a truth value as a number": b'{"verb": "rollback", "generation": true, "yes": true, "force": true}',
    "generation 0": b'{"verb": "rollback", "generation": 0, "yes": true, "force": true}',
    "deep": b"[" * 60_000,
    "long": b'{"verb": "status"}' + b" " * MAX_REQUEST_BYTES,
    "not UTF-8": b'{"verb": "\xff"}',
}


@pytest.mark.parametrize("line", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_what_is_not_exactly_a_request_is_the_peers_error(line: bytes) -> None:
    with pytest.raises(PeerError):
        decode_request(line)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"verb": value, "error": value, "result": value}).encode()
    )
)
def test_garbage_is_never_our_error(line: bytes) -> None:
    for decode in (decode_request, decode_answer):
        with pytest.raises(PeerError):
            decode(line)


@contextmanager
def answering(path: Path, pieces: list[bytes]) -> Iterator[None]:
    """A server that takes one line and sends `pieces`, each on its own."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(str(path))
    listener.listen(1)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            lines.readline()
            for piece in pieces:
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join()
    listener.close()


STREAM = b'{"progress": "one"}\n{"progress": "two"}\n{"result": {"done": true}}\n'


@pytest.mark.parametrize(
    "pieces",
    [[STREAM], [bytes([byte]) for byte in STREAM], [STREAM[:25], STREAM[25:]], [STREAM + b"more"]],
    ids=["whole", "byte by byte", "cut", "trailing bytes"],
)
def test_progress_is_told_and_the_result_returned(tmp_path: Path, pieces: list[bytes]) -> None:
    told: list[str] = []
    with answering(tmp_path / "s", pieces):
        assert ask(tmp_path / "s", StatusRequest(), told.append, timeout_s=5) == {"done": True}
    assert told == ["one", "two"]


def test_the_servers_failure_keeps_its_words_and_exit_code(tmp_path: Path) -> None:
    failure = Failure("bad file", "mend it", ExitCode.USAGE)
    with answering(tmp_path / "s", [encode_answer(failure)]), pytest.raises(RefusedError) as caught:
        ask(tmp_path / "s", StatusRequest(), print, timeout_s=5)
    assert str(caught.value) == "bad file\n    mend it"
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("pieces", [[], [STREAM[:30]], [b"hello\n"]], ids=["nothing", "half", "garbage"])
def test_an_answer_that_is_none_is_the_peers_error(tmp_path: Path, pieces: list[bytes]) -> None:
    with answering(tmp_path / "s", pieces), pytest.raises(PeerError):
        ask(tmp_path / "s", StatusRequest(), lambda _: None, timeout_s=5)


def test_where_nobody_listens_the_advice_is_to_start(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_behind:
        left_behind.bind(str(tmp_path / "s"))
    for path in (tmp_path / "s", tmp_path / "none"):
        with pytest.raises(NotRunningError, match="start it with `voxgate run FILE`"):
            ask(path, StatusRequest(), print, timeout_s=5)


def test_a_silent_server_is_left_after_a_while(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen(1)
        with pytest.raises(PeerError, match="said nothing for"):
            ask(tmp_path / "s", StatusRequest(), print, timeout_s=0.05)


def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="too long"):
        ask(tmp_path / ("x" * 120), StatusRequest(), print)
