"""Calls of the past: searched, page by page, and as a table for spreadsheets."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from voxgate.admin.api.calls import told
from voxgate.admin.auth import Around
from voxgate.admin.page import frame
from voxgate.admin.page.visitors import Looker
from voxgate.admin.problems import ApiError, ProblemBody
from voxgate.wire.records_request import RecordsAction, RecordsRequest

router = APIRouter(include_in_schema=False)

PLACE: Final = frame.Place("/records", "Call records", "Watch")
_PIECE: Final = 50

Text = Annotated[str, Query(max_length=128)]


@router.get("/records")
async def records(
    *,
    request: Request,
    caller: Looker,
    around: Around,
    since: Text = "",
    until: Text = "",
    number: Text = "",
    pbx: Text = "",
    trunk: Text = "",
    source: Text = "",
    direction: Text = "",
    cursor: Text = "",
) -> Response:
    """The newest that are looked for; further ones begin where these end."""
    wanted = {
        name: text.strip()
        for name, text in (
            *(("since", since), ("until", until), ("number", number), ("pbx", pbx)),
            *(("trunk", trunk), ("source", source), ("direction", direction)),
        )
    }
    question = RecordsRequest(RecordsAction.CDR, **wanted, limit=_PIECE, cursor=cursor)
    found: dict[str, Any] = {"records": [], "cursor": ""}
    problem = None
    try:
        found = await told(around, question, caller.who)
    except ApiError as error:
        # What was typed stays, with what is wrong about it.
        problem = ProblemBody(title=error.title, status=error.status, advice=error.advice)
    query = {name: text for name, text in wanted.items() if text}
    values = {
        "wanted": wanted,
        "records": found["records"],
        "next": "?" + urlencode({**query, "cursor": found["cursor"]}) if found["cursor"] else "",
        "table": "/api/v1/records.csv" + (f"?{urlencode(query)}" if query else ""),
        "problem": problem,
        "is_first": not cursor,
    }
    status = problem.status if problem else 200
    return frame.page(request, caller, "records.html", status=status, title="Call records", **values)
