"""How a running coturn is asked and told: STUN, its database, the kernel's fence, and one signal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, assert_never

from voxgate.engines import turn_fence
from voxgate.engines.base import Action
from voxgate.engines.coturn import CERTIFICATE
from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host import files, process
from voxgate.supervise import turn_database
from voxgate.wire.stun import Class, MalformedError, Message, Method, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voxgate.engines.base import EngineState, Listener

log = logging.getLogger(__name__)

NFT_LIMIT_S = 10.0
TLS_LIMIT_S = 5.0
#: How long a binding request waits for its answer, and how often it is sent.
ANSWER_S = 0.5
TRIES = 3
TLS_PAUSE_S = 0.1


@dataclass(slots=True)
class CoturnControl:
    """One coturn in `folder`. Implements `hands.Control` and, called, `readiness.Probe`.

    `send` sends a signal to the engine's process. `fenced` tells whether the kernel keeps relayed packets in.
    """

    name: str
    folder: Path
    send: Callable[[str, signal.Signals], None]
    fenced: bool = False
    _listeners: tuple[Listener, ...] = field(default=())

    async def prepare(self, state: EngineState) -> None:
        """What it needs before its process starts. Raises HostError."""
        self._listeners = state.listeners
        await asyncio.to_thread(self._bring)

    async def __call__(self) -> None:
        """It answers a binding request. Raises PeerError."""
        listener = next((one for one in self._listeners if one.proto == "udp"), None)
        if listener is None:
            raise PeerError("coturn: nothing is known of its ports yet")
        await _ask(listener)

    async def reload(self, action: Action, generation: int) -> None:
        """Make files with this action effective; allocations stay. Raises EngineError, HostError."""
        match action:
            case Action.TABLES:
                await asyncio.to_thread(self._bring)
            case Action.TLS:
                await self._new_certificate()
            case Action.POLICY | Action.MAPS | Action.RULES | Action.DISPATCHER | Action.RELOAD | Action.RESTART:
                raise AssertionError(f"coturn has no file for {action} of generation {generation}")
            case _:
                assert_never(action)

    async def generation(self) -> int | None:
        """It cannot tell, but it answers."""
        await self()
        return None

    def withdraw(self) -> None:
        """The engine is gone: its fence goes too."""
        if self.fenced:
            process.run(("nft", "delete", "table", "inet", turn_fence.table_of(self.name)), timeout_s=NFT_LIMIT_S)
            self.fenced = False

    def _bring(self) -> None:
        turn_database.fill(self.folder)
        done = process.run(("nft", "-f", str(self.folder / turn_fence.FILE)), timeout_s=NFT_LIMIT_S)
        self.fenced = done.code == 0
        if not self.fenced:
            # In a container that may not: coturn's own list of peers still holds.
            log.warning("turn_not_fenced unit=%s said=%s", self.name, done.stderr.strip()[:300])

    async def _new_certificate(self) -> None:
        """coturn does not say whether it took the files: a handshake shows it."""
        wanted = first_certificate(files.read(self.folder / CERTIFICATE))
        self.send(self.name, signal.SIGUSR2)
        listener = next(one for one in self._listeners if one.proto == "tls")
        for _ in range(round(TLS_LIMIT_S / TLS_PAUSE_S)):
            await asyncio.sleep(TLS_PAUSE_S)
            if await _shown(listener) == wanted:
                return
        raise EngineError(self.name, "does not show its new certificate", "its own words are in the log")


def first_certificate(chain: bytes) -> bytes:
    """The server's own certificate of a PEM chain, in DER. Raises HostError."""
    try:
        return ssl.PEM_cert_to_DER_cert(chain[: chain.index(b"-----END CERTIFICATE-----") + 25].decode("ascii").strip())
    except ValueError as error:
        raise HostError("the certificate for TURN is no PEM file", "apply the configuration again") from error


async def _shown(listener: Listener) -> bytes | None:
    """The certificate that a TLS listener shows; None while it shows none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Which one is shown is the question here, not whether somebody trusts it.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(listener.address, listener.port, ssl=context)
    except (OSError, TimeoutError):
        return None
    shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        if not self.came.done():
            self.came.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.came.done():
            self.came.set_exception(PeerError(f"coturn: {exc}"))


async def _ask(listener: Listener) -> None:
    request = Message(Method.BINDING, Class.REQUEST, os.urandom(12))
    loop, address = asyncio.get_running_loop(), ip_address(listener.address)
    # Not from an address of ours: from there the fence drops what comes from a port that might be a relay's.
    here = "127.0.0.1" if address.version == 4 else "::1"
    try:
        transport, answer = await loop.create_datagram_endpoint(
            _Answer, local_addr=(here, 0), remote_addr=(str(address), listener.port)
        )
    except OSError as error:
        raise PeerError(f"coturn cannot be asked: {error}") from error
    try:
        message = decode(await _answer(transport, encode(request), answer.came))
    except MalformedError as error:
        raise PeerError(f"coturn: {error}") from error
    finally:
        transport.close()
    if message.transaction != request.transaction or message.kind is not Class.SUCCESS:
        raise PeerError(f"coturn answers a binding request with {message.kind.name}")


async def _answer(transport: asyncio.DatagramTransport, request: bytes, came: asyncio.Future[bytes]) -> bytes:
    """What comes back; datagrams get lost. Raises PeerError."""
    for _ in range(TRIES):
        transport.sendto(request)
        if (await asyncio.wait((came,), timeout=ANSWER_S))[0]:
            return await came
    raise PeerError(f"coturn does not answer within {TRIES * ANSWER_S:g} s")
