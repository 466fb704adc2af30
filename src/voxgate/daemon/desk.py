"""What administrators ask for beside the areas' own verbs: changes of the files, metrics, lines of the log."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, assert_never

from voxgate.errors import UsageError
from voxgate.supervise.control import Caller, Told
from voxgate.supervise.log_filter import LogFilter
from voxgate.wire.admin_request import AdminRequest, EditRequest, LogsRequest, MetricsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voxgate.daemon.records import CallRecords
    from voxgate.supervise.editing import EditingOperations
    from voxgate.supervise.log_ring import LogRing

_MOST_LINES = 1000


class AdminDesk:
    """Answers them."""

    def __init__(
        self,
        operations: EditingOperations,
        ring: LogRing,
        metrics: Callable[[], Awaitable[str]],
        records: CallRecords,
    ) -> None:
        self._operations = operations
        self._ring = ring
        self._metrics = metrics
        self._records = records

    async def ask(self, request: AdminRequest, caller: Caller) -> Told:
        """Carry one out. Raises VoxgateError."""
        match request:
            case EditRequest():
                return await self._operations.edit(request, caller)
            case LogsRequest():
                return await self._lines(request)
            case MetricsRequest():
                text = await self._metrics()
                return Told({"text": text}, text.rstrip("\n"))
            case _:
                assert_never(request)

    async def _lines(self, request: LogsRequest) -> Told:
        call = await self._records.call_id(request.call) if request.call else ""
        words = self._records.words_of(request.pbx) if request.pbx else ()
        wanted = LogFilter(
            *(request.unit, request.level, request.text, call),
            *(_address(request.address) if request.address else "", request.pbx, words),
        )
        lines = self._ring.newest(wanted, min(request.limit, _MOST_LINES))
        told = (f"{one['time']} {one['level'].upper()} {one['unit']} {one['event']} {one['message']}" for one in lines)
        return Told({"lines": lines}, "\n".join(reversed(list(told))) or "no lines")


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        raise UsageError(f"{text!r} is no address\n    write 203.0.113.7 or 2001:db8::7") from None
