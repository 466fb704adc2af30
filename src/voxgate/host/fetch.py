"""Text from the web, bounded in size and time, whatever the server does. Blocks: call it from a thread."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPMessage
    from typing import IO

MOST_BYTES: Final = 32 * 1024 * 1024
SILENCE_S: Final = 15.0
#: Voxgate ends no sooner than its threads do.
WHOLE_S: Final = 45.0
_CHUNK_BYTES: Final = 65_536


def fetch(url: str, *, most_bytes: int = MOST_BYTES, whole_s: float = WHOLE_S) -> bytes:
    """What a web server answers with 200. Raises HostError."""
    request = urllib.request.Request(url, headers={"User-Agent": "voxgate"})  # noqa: S310 - the scheme is checked
    shown = _shown(url)
    with _Deadline(whole_s) as deadline:
        opener = urllib.request.build_opener(_WebOnly, _Http(deadline), _Https(deadline))
        try:
            with opener.open(request, timeout=min(SILENCE_S, whole_s)) as answer:
                if answer.status != 200:
                    raise HostError(f"{shown} was answered with {answer.status}", "open it in a browser")
                content = _whole(answer, shown, most_bytes)
                if deadline.over:
                    # What was cut off looks like an end.
                    raise TimeoutError
                return content
        except urllib.error.HTTPError as error:
            error.close()
            raise HostError(f"{shown} was answered with {error.code}", "open it in a browser") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error or type(error).__name__
            if deadline.over:
                reason = f"it took longer than {whole_s:g} s"
            raise HostError(
                f"{shown} cannot be fetched: {reason}", "check it from this machine: curl -v URL"
            ) from error


def _whole(answer: http.client.HTTPResponse, shown: str, most_bytes: int) -> bytes:
    """The body, and all of it: half a list is none."""
    # None where it comes in chunks, or ends with the connection.
    expected = answer.length
    pieces, size = [], 0
    while (expected is None or size < expected) and (piece := answer.read1(_CHUNK_BYTES)):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            raise HostError(f"{shown} is longer than {most_bytes} bytes", "give the URL of a shorter list")
    if expected is not None and size < expected:
        raise http.client.IncompleteRead(b"", expected - size)
    return b"".join(pieces)


class _Deadline:
    """Ends every connection of a request when its time is over: a server may send a byte now and then for ever."""

    def __init__(self, whole_s: float) -> None:
        self._timer = threading.Timer(whole_s, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self.over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for sock in self._watched:
                sock.close()

    def watch(self, sock: socket.socket) -> None:
        """One more connection."""
        with self._lock:
            # Another handle: TLS takes this one over.
            self._watched.append(sock.dup())
        if self.over:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self.over = True
            for sock in self._watched:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    """A connection that a deadline ends."""

    deadline: _Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)


class _Secure(http.client.HTTPSConnection, _Plain):
    """The same with TLS: the handshake comes after `_Plain.connect`."""


def _under(deadline: _Deadline, kind: type[_Plain]) -> Callable[..., http.client.HTTPConnection]:
    def connection(host: str, **how: Any) -> http.client.HTTPConnection:
        made = kind(host, **how)
        made.deadline = deadline
        return made

    return connection


class _Http(urllib.request.HTTPHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_under(self._deadline, _Plain), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_under(self._deadline, _Secure), req, context=ssl.create_default_context())


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """A list that is asked for by HTTPS does not come by something less safe."""

    def redirect_request(  # noqa: PLR0917 - the base class has it so
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        wanted = ("https://",) if req.full_url.startswith("https://") else ("https://", "http://")
        if not newurl.startswith(wanted):
            raise urllib.error.URLError(f"it leads to {_shown(newurl)}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _shown(url: str) -> str:
    """A URL for a log: without its query and user, where keys of subscriptions stand."""
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:200]
    return where if where.isprintable() else ascii(where)
