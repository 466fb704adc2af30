"""`/api/v1/records`: calls of the past, page by page and as a table."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from voxgate.admin.api.calls import Text, told
from voxgate.admin.auth import Around, Reader
from voxgate.admin.problems import ApiError
from voxgate.admin.surroundings import Surroundings
from voxgate.calls.cdr import spreadsheet
from voxgate.wire.records_request import RecordsAction, RecordsRequest

router = APIRouter()

#: Records in one piece of a table, and tables that are written at once.
_AT_ONCE = 1000
_MOST_EXPORTS = 3


class Records(BaseModel):
    """Newest first; `cursor` leads to the older ones, null at the end."""

    records: list[dict[str, Any]]
    cursor: str | None


class Filter:
    """Which records are wanted; empty is no condition. Times are RFC 3339."""

    def __init__(
        self,
        *,
        since: Text = "",
        until: Text = "",
        pbx: Text = "",
        trunk: Text = "",
        number: Text = "",
        source: Text = "",
        direction: Text = "",
        state: Text = "",
        call_id: Annotated[str, Query(max_length=256)] = "",
        cursor: Text = "",
    ) -> None:
        #: In the order in which a page's address has them.
        self.conditions = {"since": since, "until": until, "number": number, "pbx": pbx, "trunk": trunk}
        self.conditions |= {"source": source, "direction": direction, "state": state, "call_id": call_id}
        self.cursor = cursor

    def request(self, limit: int, cursor: str = "") -> RecordsRequest:
        """For one page; a later one where there is a cursor."""
        named = dict(self.conditions)
        subject = named.pop("call_id")
        return RecordsRequest(RecordsAction.CDR, **named, subject=subject, limit=limit, cursor=cursor or self.cursor)

    def trimmed(self) -> Self:
        """The same without spaces around what a person has typed."""
        return type(self)(**{name: text.strip() for name, text in self.conditions.items()}, cursor=self.cursor)


Wanted = Annotated[Filter, Depends()]


@router.get("/records", operation_id="list_records")
async def list_records(
    caller: Reader, around: Around, wanted: Wanted, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> Records:
    """Every attempt to call, answered or not."""
    return await _page(around, wanted.request(limit), caller.who)


@router.get(
    "/records.csv",
    operation_id="export_records",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_records(
    caller: Reader,
    around: Around,
    wanted: Wanted,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=10_000_000)] = 100_000,
) -> StreamingResponse:
    """The same as a table for spreadsheets, written while it is read: the newest `limit` records."""
    if request.app.state.exports >= _MOST_EXPORTS:
        raise ApiError(503, "other tables are being written", "ask again in a moment", {"Retry-After": "10"})
    # The first page before the answer begins: what is wrong with the question is an answer of its own.
    first = await _page(around, wanted.request(min(limit, _AT_ONCE)), caller.who)

    async def table() -> AsyncIterator[str]:
        request.app.state.exports += 1
        try:
            page, left = first, limit
            yield spreadsheet.head()
            while True:
                yield spreadsheet.table(page.records)
                left -= len(page.records)
                if not page.cursor or left <= 0:
                    return
                page = await _page(around, wanted.request(min(left, _AT_ONCE), page.cursor), caller.who)
        finally:
            request.app.state.exports -= 1

    headers = {"Content-Disposition": 'attachment; filename="records.csv"'}
    return StreamingResponse(table(), media_type="text/csv; charset=utf-8", headers=headers)


async def _page(around: Surroundings, request: RecordsRequest, who: str) -> Records:
    data = await told(around, request, who)
    return Records(records=data["records"], cursor=data["cursor"] or None)
