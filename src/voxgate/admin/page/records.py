"""Calls of the past: searched, page by page, and as a table for spreadsheets."""

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from voxgate.admin.api.calls import told
from voxgate.admin.api.records import Wanted
from voxgate.admin.auth import Around
from voxgate.admin.page import frame, mistakes
from voxgate.admin.page.visitors import Looker
from voxgate.admin.problems import ApiError

router = APIRouter(include_in_schema=False)

PLACE: Final = frame.Place("/records", "Call records", "Watch")
_PIECE: Final = 50


@router.get("/records")
async def records(*, request: Request, caller: Looker, around: Around, typed: Wanted) -> Response:
    """The newest that are looked for; further ones begin where these end."""
    wanted = typed.trimmed()
    found: dict[str, Any] = {"records": [], "cursor": ""}
    problem = None
    try:
        found = await told(around, wanted.request(_PIECE), caller.who)
    except ApiError as error:
        # What was typed stays, with what is wrong about it.
        problem, _ = mistakes.problem(error)
    query = {name: text for name, text in wanted.conditions.items() if text}
    values = {
        "wanted": wanted.conditions,
        "records": found["records"],
        "next": "?" + urlencode({**query, "cursor": found["cursor"]}) if found["cursor"] else "",
        "table": "/api/v1/records.csv" + (f"?{urlencode(query)}" if query else ""),
        "problem": problem,
        "is_first": not wanted.cursor,
    }
    status = problem.status if problem else 200
    return frame.page(request, caller, "records.html", status=status, title="Call records", **values)
