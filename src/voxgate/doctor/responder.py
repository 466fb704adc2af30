"""A responder: tells an edge elsewhere how it looks from here. Runs until its time is over."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from voxgate.doctor import asking
from voxgate.doctor.outside import MOST_BYTES, Answer, encode, question_of
from voxgate.errors import HostError, PeerError

if TYPE_CHECKING:
    from voxgate.doctor.outside import Question, Wanted

log = logging.getLogger(__name__)

_MOST_CLIENTS: Final = 4
_TALK_S: Final = 60.0
_MOST_DATAGRAM: Final = 1400


class _Echo(asyncio.DatagramProtocol):
    """Says what arrived, in base64; answers are not longer than what would be needed to flood anybody with."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's own is no subclass of DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if data.startswith(b"OPTIONS ") and len(data) <= _MOST_DATAGRAM:
            self._transport.sendto(base64.b64encode(data), addr)


class Responder:
    """Listens on TCP `control_port` for questions, on UDP `sip_port` for the SIP request that belongs to them."""

    def __init__(self, control_port: int, sip_port: int) -> None:
        self._control_port = control_port
        self._sip_port = sip_port
        self._clients = 0

    async def serve(self, seconds: float) -> None:
        """For so long. Raises HostError when a port is taken."""
        loop = asyncio.get_running_loop()
        try:
            echo, _ = await loop.create_datagram_endpoint(_Echo, sock=_datagrams(self._sip_port))
            # No host: both families.
            server = await asyncio.start_server(self._client, None, self._control_port, limit=MOST_BYTES)
        except OSError as error:
            reason = f"the ports {self._control_port} (TCP) and {self._sip_port} (UDP) cannot be opened"
            raise HostError(f"{reason}: {error.strerror}", "choose others: --port, --sip-port") from error
        try:
            async with server:
                await asyncio.sleep(seconds)
        finally:
            echo.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= _MOST_CLIENTS:
                async with asyncio.timeout(_TALK_S):
                    seen = str(writer.get_extra_info("peername")[0]).removeprefix("::ffff:")
                    answer = await self._answer(question_of(await reader.readline()), seen)
                    writer.write(encode(answer))
                    await writer.drain()
        except (TimeoutError, OSError, ValueError, PeerError) as error:
            log.info("responder_not_asked reason=%s", type(error).__name__)
        finally:
            self._clients -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, question: Question, seen: str) -> Answer:
        """Ports of the address `seen` alone."""
        errors = await asyncio.gather(
            *(asyncio.to_thread(_try, wanted, seen, question.domain) for wanted in question.ports)
        )
        if question.media_port:
            await asyncio.to_thread(_send, seen, question.media_port, question.token)
        return Answer(seen, tuple(errors), self._sip_port, time.time())


def _datagrams(port: int) -> socket.socket:
    """A UDP socket on every address, IPv4 ones in their IPv6 form. Raises OSError."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
    except OSError:
        sock.close()
        raise
    return sock


def _try(wanted: Wanted, address: str, domain: str) -> str:
    where = (address, wanted.port)
    match wanted.kind:
        case "tcp":
            return asking.connects(where)
        case "sip":
            return "" if asking.sip(where, domain) else "no answer to OPTIONS"
        case _:
            return "" if asking.stun(where) else "no answer to STUN"


def _send(address: str, port: int, token: str) -> None:
    with (
        socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock,
        suppress(OSError),
    ):
        for _ in range(3):
            sock.sendto(token.encode("ascii"), (address, port))
            time.sleep(0.1)
