"""A list from a real web server, however that server behaves."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lab.tls import authority
from voxgate.errors import HostError
from voxgate.host.fetch import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Talk = Callable[[socket.socket, str], None]

LIST = b"203.0.113.9\n"


@contextmanager
def server(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A web server on loopback that says what `talk` says to a request's path; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()
                except OSError:
                    return

        def answer(connection: socket.socket) -> None:
            try:
                with tls.wrap_socket(connection, server_side=True) if tls else connection as sock:
                    asked = b""
                    while b"\r\n\r\n" not in asked and (more := sock.recv(4096)):
                        asked += more
                    talk(sock, asked.split(b" ")[1].decode())
            except (OSError, IndexError):
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def says(*parts: bytes) -> Talk:
    return lambda sock, _: sock.sendall(b"".join(parts))


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 12\r\n\r\n" + LIST,
        OK + b"Connection: close\r\n\r\n" + LIST,
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n203.0\r\n7\r\n.113.9\n\r\n0\r\n\r\n",
    ],
    ids=["length", "to the end", "chunks"],
)
def test_a_list_is_fetched_whole(answer: bytes) -> None:
    with server(says(answer)) as url:
        assert fetch(f"{url}/bad.txt") == LIST


def test_a_server_that_keeps_the_connection_is_not_waited_for() -> None:
    def talk(sock: socket.socket, _: str) -> None:
        sock.sendall(OK + b"Content-Length: 12\r\n\r\n" + LIST)
        sock.recv(1)

    with server(talk) as url:
        assert fetch(f"{url}/bad.txt", whole_s=30) == LIST


def redirected(to: str) -> Talk:
    def talk(sock: socket.socket, path: str) -> None:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        sock.sendall(moved if path == "/" else OK + b"\r\n" + LIST)

    return talk


def test_a_redirect_is_followed() -> None:
    with server(redirected("/bad.txt")) as url:
        assert fetch(f"{url}/") == LIST


@pytest.mark.parametrize(
    ("talk", "said"),
    [
        (redirected("/"), "answered with 302"),
        (redirected("file:///etc/passwd"), "answered with 302"),
        (redirected("ftp://127.0.0.1/x"), "leads to ftp"),
        (says(b"HTTP/1.1 404 Not Found\r\n\r\n"), "answered with 404"),
        (says(b"HTTP/1.1 503 Busy\r\n\r\n"), "answered with 503"),
        (says(b"HTTP/1.1 204 No Content\r\n\r\n"), "answered with 204"),
        (says(b"SSH-2.0-OpenSSH\r\n"), "SSH-2.0-OpenSSH"),
        (says(b""), "closed connection"),
        (says(OK, b"Content-Length: 100\r\n\r\n", LIST), "IncompleteRead"),
        (says(OK, b"Transfer-Encoding: chunked\r\n\r\nff\r\n", LIST), "IncompleteRead"),
        (says(OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "IncompleteRead|invalid literal"),
        (says(OK, b"X: y\r\n" * 200, b"\r\n"), "more than 100 headers"),
        (says(OK, b"X: " + b"y" * 100_000, b"\r\n\r\n"), "header line"),
        (says(OK, b"\r\n", b"x" * 200_000), "longer than 100000 bytes"),
        (says(OK, b"Content-Length: 200000\r\n\r\n", b"x" * 200_000), "longer than 100000 bytes"),
    ],
)
def test_what_is_no_list_is_an_error_in_words(talk: Talk, said: str) -> None:
    with server(talk) as url, pytest.raises(HostError, match=said):
        fetch(f"{url}/", most_bytes=100_000)


def dripping(*begin: bytes) -> Talk:
    def talk(sock: socket.socket, _: str) -> None:
        sock.sendall(b"".join(begin))
        while True:
            sock.sendall(b"2")
            time.sleep(0.02)

    return talk


@pytest.mark.parametrize(
    "talk",
    [dripping(), dripping(OK, b"X: "), dripping(OK, b"\r\n"), dripping(OK, b"Content-Length: 10000\r\n\r\n")],
    ids=["status", "header", "body", "body with length"],
)
def test_a_server_that_drips_is_left_when_the_time_is_over(talk: Talk) -> None:
    with server(talk) as url, pytest.raises(HostError, match=r"took longer than 0\.5 s"):
        fetch(url, whole_s=0.5)


def test_a_server_that_says_nothing_is_left_and_so_is_one_that_drips_its_handshake() -> None:
    def silent(listening: socket.socket, word: bytes) -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                while True:
                    connection.sendall(word)
                    time.sleep(0.02)
            except OSError:
                return

    for scheme, word in (("http", b""), ("https", b"\x16")):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=silent, args=(listening, word), daemon=True)
            thread.start()
            with pytest.raises(HostError):
                fetch(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/", whole_s=0.5)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    own = authority().issue(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    with server(says(OK, b"\r\n", LIST), context) as url, pytest.raises(HostError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch(url)


def test_nobody_there_is_an_error_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(HostError, match="refused"):
        fetch(f"http://127.0.0.1:{port}/")


def test_keys_in_a_url_are_never_shown() -> None:
    with server(says(b"HTTP/1.1 403 No\r\n\r\n")) as url, pytest.raises(HostError) as caught:
        fetch(f"{url}/list?key=hush")
    assert f"{url}/list was answered with 403" in str(caught.value)
    assert "hush" not in str(caught.value)
    with pytest.raises(HostError) as caught:
        fetch("http://user:word@127.0.0.1:9/list")
    assert "word" not in str(caught.value)
