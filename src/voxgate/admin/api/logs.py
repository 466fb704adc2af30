"""`/api/v1/logs`: the newest lines of the log, ours and the engines'."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from voxgate.admin.auth import Around, Reader
from voxgate.wire.admin_request import LogsRequest

router = APIRouter()


@router.get("/logs", operation_id="logs")
async def logs(
    *,
    caller: Reader,
    around: Around,
    unit: Annotated[str, Query(max_length=32)] = "",
    level: Literal["debug", "info", "notice", "warning", "error", "critical"] = "debug",
    text: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """The newest first: of one unit, of this level or worse, with `text` (a Call-ID, an address) in them."""
    found: Any = (await around.desk.ask(LogsRequest(unit, level, text, limit), caller.who)).data["lines"]
    lines: list[dict[str, Any]] = found
    return lines
