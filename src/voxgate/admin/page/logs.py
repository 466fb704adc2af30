"""The newest lines of the log: of one call, address or PBX, of one unit, with a text."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from voxgate.admin.api.calls import told
from voxgate.admin.auth import Around
from voxgate.admin.page import frame, mistakes
from voxgate.admin.page.visitors import Looker
from voxgate.admin.problems import ApiError
from voxgate.wire.admin_request import LogsRequest

router = APIRouter(include_in_schema=False)

PLACE: Final = frame.Place("/logs", "Log", "Watch")
_MOST: Final = 200
#: What a line says by columns of its own.
_OWN: Final = ("time", "level", "unit", "event", "message", "logger")

Text = Annotated[str, Query(max_length=256)]
Level = Literal["debug", "info", "notice", "warning", "error", "critical"]


@router.get("/logs")
async def logs(
    *,
    request: Request,
    caller: Looker,
    around: Around,
    text: Text = "",
    call: Text = "",
    address: Text = "",
    pbx: Text = "",
    unit: Text = "",
    level: Level = "debug",
) -> Response:
    """The newest first."""
    wanted = {"text": text.strip(), "call": call.strip(), "address": address.strip(), "pbx": pbx.strip()}
    question = LogsRequest(unit.strip(), level, limit=_MOST, **wanted)
    lines: list[dict[str, Any]] = []
    problem = None
    try:
        lines = [_line(one) for one in (await told(around, question, caller.who))["lines"]]
    except ApiError as error:
        problem, _ = mistakes.problem(error)
    values = {"wanted": {**wanted, "unit": unit.strip(), "level": level}, "lines": lines, "most": _MOST}
    status = problem.status if problem else 200
    return frame.page(request, caller, "logs.html", status=status, title="Log", problem=problem, **values)


def _line(one: dict[str, Any]) -> dict[str, Any]:
    fields = " ".join(f"{name}={value}" for name, value in one.items() if name not in _OWN)
    return {**{name: one.get(name, "") for name in _OWN}, "fields": fields}
