"""Asks name servers for many names at once, within a bound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from voxgate.errors import PeerError
from voxgate.names.comparing import Answered
from voxgate.wire.dns import DnsClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voxgate.names.comparing import Asked

#: Questions on their way: more would be taken for a flood.
_AT_ONCE: Final = 16


def look_up(wanted: Iterable[Asked], servers: Sequence[str] = ()) -> dict[Asked, Answered]:
    """The answers, in the order of the questions; of `servers`, or of those of this machine. Blocks."""
    return asyncio.run(_all(tuple(wanted), DnsClient(servers)))


async def _all(wanted: tuple[Asked, ...], client: DnsClient) -> dict[Asked, Answered]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(key: Asked) -> Answered:
        async with room:
            try:
                found, _ = await client.ask(*key)
            except PeerError as error:
                return Answered(silent=str(error))
            # As comparing._plain has it.
            return Answered(frozenset(_text(record.to_text()) for record in found[:64]))

    async with asyncio.TaskGroup() as group:
        tasks = {key: group.create_task(one(key)) for key in wanted}
    return {key: task.result() for key, task in tasks.items()}


def _text(data: str) -> str:
    return data.replace('"', "").rstrip(".").lower()
