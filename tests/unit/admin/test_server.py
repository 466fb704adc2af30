"""The web server on loopback: bounds of connections, other ports and other certificates while it runs."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from starlette.responses import PlainTextResponse

from lab import tls
from voxgate.admin.attempts import requester
from voxgate.admin.bounds import Bounds
from voxgate.admin.protocol import Gate, Patience
from voxgate.admin.server import Wanted, WebServer
from voxgate.config.admin import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HELLO = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def until(holds: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def serving(folder: Path, gate: Gate) -> Iterator[tuple[WebServer, int]]:
    server = WebServer(lambda: Bounds(PlainTextResponse("hello")), gate, folder / "web" / "pair.pem")
    thread = threading.Thread(target=lambda: asyncio.run(server.run()))
    thread.start()
    port = free_port()
    try:
        server.want(Wanted(Endpoint(ip_address(HOST), port)))
        until(lambda: answers(port))
        yield server, port
    finally:
        server.end()
        thread.join(10)
        assert not thread.is_alive()


def gate(**how: object) -> Gate:
    return Gate(lambda _: True, requester, **how)  # type: ignore[arg-type]


def answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), 5) as connection:
            connection.sendall(HELLO)
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def closed(connection: socket.socket) -> bool:
    connection.settimeout(10)
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_who_sends_no_head_in_time_is_cut_off_and_no_longer_counted(tmp_path: Path) -> None:
    held = gate(patience=Patience(head_s=0.3))
    with serving(tmp_path, held) as (_, port):
        silent, slow, idle = (socket.create_connection((HOST, port), 5) for _ in range(3))
        slow.sendall(HELLO[:10])
        idle.sendall(HELLO)
        heard = b""
        while not heard.endswith(b"hello"):
            heard += idle.recv(4096) or b"hello?"
        assert all(closed(one) for one in (silent, slow, idle))
        until(lambda: not held.held)
        for one in (silent, slow, idle):
            one.close()


def test_one_requester_has_so_many_connections_and_one_that_may_not_connect_none(tmp_path: Path) -> None:
    with serving(tmp_path, gate(most_of_one=2)) as (_, port):
        held = [socket.create_connection((HOST, port), 5) for _ in range(2)]
        # Counted when it was accepted, which is not when it was connected.
        until(lambda: not answers(port))
        held.pop().close()
        until(lambda: answers(port))
        held.pop().close()
    shut = Gate(lambda address: address != HOST, requester)
    server = WebServer(lambda: Bounds(PlainTextResponse("hello")), shut, tmp_path / "pair.pem")
    thread = threading.Thread(target=lambda: asyncio.run(server.run()))
    thread.start()
    try:
        port = free_port()
        server.want(Wanted(Endpoint(ip_address(HOST), port)))

        def refused() -> bool:
            try:
                with socket.create_connection((HOST, port), 5) as connection:
                    return closed(connection)
            except ConnectionRefusedError:
                return False

        until(refused)
    finally:
        server.end()
        thread.join(10)


def test_it_moves_to_another_port_and_says_why_it_cannot(tmp_path: Path) -> None:
    with serving(tmp_path, gate()) as (server, port), socket.socket() as holder:
        other = free_port()
        server.want(Wanted(Endpoint(ip_address(HOST), other)))
        until(lambda: answers(other) and not answers(port))
        holder.bind((HOST, 0))
        holder.listen()
        taken = holder.getsockname()[1]
        server.want(Wanted(Endpoint(ip_address(HOST), taken)))
        until(lambda: "cannot be listened on: Address already in use" in server.standing)
        server.want(Wanted(Endpoint(ip_address(HOST), port)))
        until(lambda: answers(port) and not server.standing)


def test_a_renewed_certificate_is_shown_without_a_new_listener(tmp_path: Path) -> None:
    authority = tls.authority()
    pems = []
    for stem in ("one", "two"):
        issued = authority.issue(tmp_path, "edge.example.com", stem=stem)
        pems.append(issued.certificate.read_bytes() + b"\n" + issued.key.read_bytes())
    held = gate(patience=Patience(handshake_s=0.3))
    with serving(tmp_path, held) as (server, port):

        def shown() -> bytes | None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                with socket.create_connection((HOST, port), 5) as plain, context.wrap_socket(plain) as secure:
                    secure.sendall(HELLO)
                    assert secure.recv(12) == b"HTTP/1.1 200"
                    return secure.getpeercert(binary_form=True)
            except OSError:
                return None

        server.want(Wanted(Endpoint(ip_address(HOST), port), pems[0]))
        until(lambda: shown() is not None)
        before = shown()
        server.want(Wanted(Endpoint(ip_address(HOST), port), pems[1]))
        until(lambda: shown() not in {None, before})
        assert not list((tmp_path / "web").iterdir())
        with socket.create_connection((HOST, port), 5) as silent:
            assert closed(silent)
        until(lambda: not held.held)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n" + b"x" * 6_000_000, b"413"),
        (b"\x00\x01\x02 nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
    ],
    ids=["path", "body", "garbage", "smuggling", "head"],
)
def test_what_nobody_honest_sends_is_refused(tmp_path: Path, request_: bytes, status: bytes) -> None:
    with serving(tmp_path, gate()) as (_, port), socket.create_connection((HOST, port), 5) as connection:
        with suppress(ConnectionError):
            connection.sendall(request_)
        assert connection.recv(12).split(b" ")[1] == status
        assert answers(port)
