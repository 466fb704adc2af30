"""Kamailio's JSON-RPC 2.0 over a unix datagram socket; codec, then client.

Source: Kamailio's jsonrpcs module, transport 4; JSON-RPC 2.0, sections 4 and 5. A reply must fit into one
datagram, and jsonrpcs gives its socket a send buffer of 131,072 bytes, whatever sysctl says. A larger reply is
never sent: Kamailio logs "failed to send the response ... Message too long" and the caller waits in vain.
Measured on 5.6.3: `dispatcher.list` takes 359 bytes for a destination with two attributes, so 364 of them arrive
and 370 do not; with the parameter `short` it takes 120 bytes each.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import json
import logging
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

log = logging.getLogger(__name__)

#: Above the largest datagram that Kamailio can send; the receive buffer holds several of them.
MOST_BYTES = 256 << 10
_RECEIVE_BUFFER_BYTES = 4 << 20
# Kamailio's own buffer for a request (DATAGRAM_SOCK_BUF_SIZE); it cuts what is longer.
_LONGEST_REQUEST = 65457
_SO_RCVBUFFORCE = 33  # linux: socket(7); the plain option is capped by net.core.rmem_max
#: What takes its time: fifty certificates are read for forty processes.
SLOW = {"tls.reload": 20.0}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: `result`, or the words of an error."""

    id: int
    result: object = None
    error: str = ""


def request_bytes(number: int, method: str, params: tuple[object, ...]) -> bytes:
    """Return one request as Kamailio reads it. Raises PeerError when it is longer than Kamailio can read."""
    call: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": number}
    if params:
        call["params"] = params
    data = json.dumps(call, separators=(",", ":")).encode()
    if len(data) > _LONGEST_REQUEST:
        raise PeerError(f"Kamailio cannot read a request of {len(data)} bytes ({method})")
    return data


def parse(datagram: bytes) -> Reply:
    """Return the reply in a datagram. Raises PeerError: no JSON, no reply, no number as id."""
    try:
        # Names that came with SIP may hold any byte; a reply is not lost for that. PEP 383 keeps them apart.
        answer = json.loads(datagram.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError) as error:
        raise PeerError(f"JSON-RPC: unreadable reply of {len(datagram)} bytes") from error
    match answer:
        case {"id": bool()}:
            raise PeerError("JSON-RPC: a reply without a number")
        case {"id": int(number), "error": {"message": str(message), **rest}}:
            return Reply(number, error=f"{message} (code {rest.get('code', 'unknown')})")
        case {"id": int(number), "error": error} if error is not None:
            return Reply(number, error=str(error)[:200])
        case {"id": int(number), "result": result}:
            return Reply(number, result)
    raise PeerError("JSON-RPC: neither a result nor an error with the number of a request")


class JsonRpcClient:
    """Asks one Kamailio. Use as `async with`; calls may run at the same time and are matched by number.

    `server` is Kamailio's socket; `local` a path of our own in a folder that Kamailio may enter, to which it
    answers. `local` belongs to the folder's group, so that Kamailio, which is in it, may write to it.
    """

    def __init__(self, server: Path, local: Path, *, timeout_s: float = 2.0) -> None:
        self._server = server
        self._local = local
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def call(self, method: str, *params: object) -> object:
        """Return the result of one call. Raises EngineError: refused; PeerError: not running, no answer."""
        number = next(self._numbers)
        data = request_bytes(number, method, params)
        sock = self._open()
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            timeout_s = max(self._timeout_s, SLOW.get(method, 0.0))
            async with asyncio.timeout(timeout_s):
                await self._send(sock, data)
                answer = await reply
        except TimeoutError as error:
            raise PeerError(
                f"Kamailio did not answer {method} within {timeout_s:g} s; an answer above 128 KiB never arrives"
            ) from error
        finally:
            del self._waiting[number]
        if answer.error:
            raise EngineError("kamailio", f"refused {method}: {answer.error}")
        return answer.result

    async def _send(self, sock: socket.socket, data: bytes) -> None:
        while True:
            try:
                sock.sendto(data, str(self._server))
            except BlockingIOError:
                # Kamailio's queue is full: net.unix.max_dgram_qlen is 10 on Debian. Nothing tells us when it is
                # not, because our socket is not connected (Kamailio answers from another one, unix(7)).
                await asyncio.sleep(0.01)
            except OSError as error:
                # After a restart of Kamailio a new socket lies at the same path; nothing to do on our side.
                if error.errno in {errno.ENOENT, errno.ECONNREFUSED}:
                    raise PeerError(f"Kamailio does not listen on {self._server}") from error
                raise PeerError(f"Kamailio cannot be asked on {self._server}: {error.strerror}") from error
            else:
                return

    def _open(self) -> socket.socket:
        # Our path may have been removed with its folder since: then answers could no longer find us.
        if self._socket is not None and self._local.is_socket():
            return self._socket
        self._close()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            with contextlib.suppress(PermissionError):
                sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
            with contextlib.suppress(FileNotFoundError):
                self._local.unlink()
            sock.bind(str(self._local))
            os.chown(self._local, -1, self._local.parent.stat().st_gid)
            self._local.chmod(0o660)
        except OSError as error:
            sock.close()
            raise PeerError(f"no socket for Kamailio's answers at {self._local}: {error.strerror}") from error
        asyncio.get_running_loop().add_reader(sock, self._receive, sock)
        self._socket = sock
        return sock

    def _close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            with contextlib.suppress(FileNotFoundError):
                self._local.unlink()

    def _receive(self, sock: socket.socket) -> None:
        try:
            reply = parse(sock.recv(MOST_BYTES))
        except BlockingIOError:
            return
        except PeerError as error:
            log.warning("jsonrpc_unreadable error=%s", error)
            return
        waiting = self._waiting.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
