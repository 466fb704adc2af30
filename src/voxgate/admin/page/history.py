"""The generations of the configuration, and the way back."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from voxgate.admin.api.configuration import files_now, files_of
from voxgate.admin.auth import Around
from voxgate.admin.doorman import Caller
from voxgate.admin.page import frame
from voxgate.admin.page.changing import diff_lines
from voxgate.admin.page.configuration import file_name
from voxgate.admin.page.listing import Searched
from voxgate.admin.page.mistakes import problem
from voxgate.admin.page.visitors import Looker, Master, Sent
from voxgate.admin.problems import ProblemBody
from voxgate.config.load import Source
from voxgate.errors import VoxgateError
from voxgate.supervise.editing import files_diff
from voxgate.wire.control import HistoryRequest, RollbackRequest

router = APIRouter(include_in_schema=False)

PLACE = frame.Place("/history", "History", "Configure")
Generation = Annotated[int, Path(ge=1, le=1_000_000_000)]


@router.get("/history")
async def history(request: Request, caller: Looker, around: Around, search: Searched) -> Response:
    """All generations, the newest first."""
    data: Any = (await around.desk.ask(HistoryRequest(), caller.who)).data
    piece = search.of(data["generations"][::-1])
    return frame.page(request, caller, "history.html", title="History", piece=piece, running=data["running"])


@router.get("/history/{generation}")
async def generation(request: Request, caller: Looker, around: Around, generation: Generation) -> Response:
    """The files of one generation, and what going back to it would change."""
    return await _generation(request, caller, around, generation)


async def _generation(
    request: Request,
    caller: Caller,
    around: Around,
    number: int,
    *,
    asks: ProblemBody | None = None,
) -> Response:
    found = await files_of(around, number)
    then = tuple(Source(one.path, one.text) for one in found)
    now = tuple(Source(file_name(one), one.text) for one in await files_now(around))
    data: Any = (await around.desk.ask(HistoryRequest(), caller.who)).data
    record = next((one for one in data["generations"] if one["generation"] == number), None)
    values: dict[str, Any] = {
        "number": number,
        "record": record,
        "running": data["running"],
        "files": {one.path: one.text for one in found},
        "diff": diff_lines(files_diff(now, then)),
        "asks": asks,
    }
    status = asks.status if asks else 200
    return frame.page(request, caller, "generation.html", status=status, title=f"Generation {number}", **values)


@router.post("/history/{generation}")
async def back(request: Request, caller: Master, around: Around, form: Sent, generation: Generation) -> Response:
    """Make it effective again; without a word, what it would harm is told first."""
    wish = RollbackRequest(generation, form.has("yes"), form.has("force"))
    try:
        told = await around.desk.ask(wish, caller.who)
    except VoxgateError as error:
        return await _generation(request, caller, around, generation, asks=problem(error)[0])
    if told.exit_code:
        words, runs = f"not applied: {told.data.get('reason', '')}", "the former generation runs on"
        asks = ProblemBody(title=words, status=503, advice=runs)
        return await _generation(request, caller, around, generation, asks=asks)
    return RedirectResponse("/history", 303)
