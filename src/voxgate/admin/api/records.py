"""`/api/v1/records`: calls of the past."""

import csv
from io import StringIO
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from voxgate.admin.auth import Around, Reader
from voxgate.wire.records_request import RecordsAction, RecordsRequest

router = APIRouter()

Text = Annotated[str, Query(max_length=128)]


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
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> None:
        self.request = RecordsRequest(
            *(RecordsAction.CDR, since, until, pbx, trunk, number, source, direction, state, call_id, limit, cursor)
        )


Wanted = Annotated[Filter, Depends()]


@router.get("/records", operation_id="list_records")
async def list_records(caller: Reader, around: Around, wanted: Wanted) -> Records:
    """Every attempt to call, answered or not."""
    return Records.model_validate((await around.desk.ask(wanted.request, caller.who)).data)


@router.get("/records.csv", operation_id="export_records", response_class=Response)
async def export_records(caller: Reader, around: Around, wanted: Wanted) -> Response:
    """The same as a table for spreadsheets."""
    found = Records.model_validate((await around.desk.ask(wanted.request, caller.who)).data).records
    out = StringIO()
    columns = list(dict.fromkeys(key for record in found for key in record))
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(record.get(column)) for column in columns] for record in found)
    headers = {"Content-Disposition": 'attachment; filename="records.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: Any) -> str:
    """As text. What a stranger's phone sent is no formula: a spreadsheet would carry it out."""
    text = "" if value is None else str(value)
    number = text.lstrip("+-").replace(".", "", 1).isdigit()
    return f"'{text}" if text[:1] in {"=", "@", "+", "-", "\t", "\r"} and not number else text
