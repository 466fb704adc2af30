"""`/api/v1/logs`: the newest lines of the log, ours and the engines'."""

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AfterValidator

from voxgate.admin.auth import Around, Reader
from voxgate.wire.admin_request import LogsRequest

router = APIRouter()


def _address(text: str) -> str:
    if text:
        ip_address(text)
    return text


@router.get("/logs", operation_id="logs")
async def logs(
    *,
    caller: Reader,
    around: Around,
    unit: Annotated[str, Query(max_length=32)] = "",
    level: Literal["debug", "info", "notice", "warning", "error", "critical"] = "debug",
    text: Annotated[str, Query(max_length=200)] = "",
    call: Annotated[str, Query(max_length=256)] = "",
    address: Annotated[str, Query(max_length=60), AfterValidator(_address)] = "",
    pbx: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[dict[str, Any]]:
    """The newest first: of one unit, of this level or worse, with `text` in them.

    `call` is a Call-ID or the number of a record, `address` a whole address; `pbx` gives what names that PBX, one of
    its nodes or one of its names.
    """
    request = LogsRequest(unit, level, text, limit, call, address, pbx)
    found: Any = (await around.desk.ask(request, caller.who)).data["lines"]
    lines: list[dict[str, Any]] = found
    return lines
