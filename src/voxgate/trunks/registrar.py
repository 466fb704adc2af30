"""The driver: one task for each account, which asks through Kamailio and waits for what comes or is due."""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from voxgate.trunks.messages import register, reply_of
from voxgate.trunks.registration import Phase, Registration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.engines.trunk_accounts import TrunkAccount
    from voxgate.host.clock import Clock
    from voxgate.trunks.messages import Ask, Reply

log = logging.getLogger(__name__)

#: How long the end waits for a provider to take note of it.
LEAVE_S: Final = 2.0


class _Socket(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.replies: asyncio.Queue[Reply] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: object) -> None:
        reply = reply_of(data)
        if reply is not None and not self.replies.full():
            self.replies.put_nowait(reply)


class Registrar:
    """Keeps the accounts registered that `follow` was told of last. `run` is its whole life."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wanted: dict[str, TrunkAccount] = {}
        self._changed = asyncio.Event()
        self._states: dict[str, Registration] = {}
        self._tasks: dict[TrunkAccount, asyncio.Task[None]] = {}

    def follow(self, accounts: Iterable[TrunkAccount]) -> None:
        """These accounts from now on; what is the same stays registered without a word."""
        self._wanted = {account.trunk: account for account in accounts}
        self._changed.set()

    def snapshot(self) -> tuple[tuple[Registration, float], ...]:
        """Every registration, and the monotonic time of now."""
        now_s = self._clock.monotonic()
        return tuple((self._states[name], now_s) for name in sorted(self._wanted) if name in self._states)

    async def leave(self, accounts: Iterable[TrunkAccount]) -> None:
        """Take back all registrations but these. They come again unless `follow` is told otherwise."""
        wanted = set(accounts)
        gone = [task for account, task in self._tasks.items() if account not in wanted]
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        self._tasks = {account: task for account, task in self._tasks.items() if account in wanted}

    async def run(self) -> None:
        """Until cancelled; then everything is unregistered."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._changed.wait()
                self._changed.clear()
                wanted = set(self._wanted.values())
                # An account that changes is taken back before it is registered anew.
                await self.leave(wanted)
                for account in wanted - self._tasks.keys():
                    self._tasks[account] = group.create_task(self._keep(account))

    async def _open(self, account: TrunkAccount) -> tuple[asyncio.DatagramTransport, _Socket]:
        while True:
            try:
                loop = asyncio.get_running_loop()
                return await loop.create_datagram_endpoint(_Socket, local_addr=(account.local, 0))
            except OSError as error:
                log.warning("trunk_not_registered trunk=%s reason=%s", account.trunk, error.strerror)
                await asyncio.sleep(account.retry_s)

    async def _keep(self, account: TrunkAccount) -> None:
        transport, sock = await self._open(account)
        host, port = transport.get_extra_info("sockname")[:2]
        via = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        call_id = secrets.token_hex(16)

        def send(ask: Ask) -> None:
            data = register(account, ask, call_id, secrets.token_hex(8), via)
            transport.sendto(data, (account.local, account.port))

        state = Registration(account)
        try:
            while True:
                self._states[account.trunk] = state
                before = state
                state, ask = state.due(self._clock.monotonic())
                if ask is None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(max(state.next_s - self._clock.monotonic(), 0.0)):
                            reply = await sock.replies.get()
                        state, ask = state.answered(reply, self._clock.monotonic(), secrets.token_hex(8))
                if ask is not None:
                    send(ask)
                _tell(before, state)
        finally:
            if state.phase is Phase.REGISTERED:
                state, ask = state.leaving()
                send(ask)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LEAVE_S):
                        while state.waiting:
                            reply = await sock.replies.get()
                            state, ask = state.answered(reply, self._clock.monotonic(), secrets.token_hex(8))
                            if ask is not None:
                                send(ask)
                log.info("trunk_unregistered trunk=%s", account.trunk)
            transport.close()


def _tell(before: Registration, after: Registration) -> None:
    if (before.phase, before.reason) == (after.phase, after.reason):
        return
    level = logging.INFO if after.phase is Phase.REGISTERED and not after.reason else logging.WARNING
    log.log(level, "trunk_%s trunk=%s reason=%s", after.phase.value, after.account.trunk, after.reason or "-")
