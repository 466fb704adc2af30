"""What administrators ask for beside the areas' own verbs: changes of the files, metrics, lines of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from voxgate.supervise.control import Caller, Told
from voxgate.wire.admin_request import AdminRequest, EditRequest, LogsRequest, MetricsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voxgate.supervise.editing import EditingOperations
    from voxgate.supervise.log_ring import LogRing

_MOST_LINES = 1000


class AdminDesk:
    """Answers them."""

    def __init__(self, operations: EditingOperations, ring: LogRing, metrics: Callable[[], Awaitable[str]]) -> None:
        self._operations = operations
        self._ring = ring
        self._metrics = metrics

    async def ask(self, request: AdminRequest, caller: Caller) -> Told:
        """Carry one out. Raises VoxgateError."""
        match request:
            case EditRequest():
                return await self._operations.edit(request, caller)
            case LogsRequest(unit, level, text, limit):
                lines = self._ring.newest(unit, level, text, min(limit, _MOST_LINES))
                told = (
                    f"{one['time']} {one['level'].upper()} {one['unit']} {one['event']} {one['message']}"
                    for one in lines
                )
                return Told({"lines": lines}, "\n".join(reversed(list(told))) or "no lines")
            case MetricsRequest():
                text = await self._metrics()
                return Told({"text": text}, text.rstrip("\n"))
            case _:
                assert_never(request)
