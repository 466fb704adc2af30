"""Calls that run, live, with both legs; and one call: what it was, why it went like that, its SIP as a ladder."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from voxgate.admin.api.calls import told
from voxgate.admin.auth import Around
from voxgate.admin.page import frame
from voxgate.admin.page.streams import Feed, first
from voxgate.admin.page.visitors import Looker
from voxgate.admin.surroundings import Surroundings
from voxgate.errors import MissingError
from voxgate.wire.records_request import RecordsAction, RecordsRequest

router = APIRouter(include_in_schema=False)

PLACE: Final = frame.Place("/calls", "Running calls", "Watch")
#: The newest; whoever looks for one among thousands searches.
_SHOWN: Final = 50

Text = Annotated[str, Query(max_length=128)]


@dataclass(frozen=True, slots=True)
class Arrow:
    """One message of a ladder: from column `left` to `right` (from 0), to the right or to the left."""

    seconds: float
    title: str
    left: int
    right: int
    forward: bool
    message: dict[str, Any]


async def _running(around: Surroundings, who: str, pbx: str = "", number: str = "") -> Any:
    request = RecordsRequest(RecordsAction.LIVE, pbx=pbx, number=number, limit=_SHOWN)
    return await told(around, request, who)


async def _now(around: Surroundings) -> dict[str, object]:
    return {"calls": frame.drawn("_calls.html", running=await _running(around, "page"), wanted="")}


FEED: Final = Feed("calls", _now)


@router.get("/calls")
async def calls(request: Request, caller: Looker, around: Around, pbx: Text = "", number: Text = "") -> Response:
    """The newest, live; or those that are looked for, asked for again and again."""
    wanted = {"pbx": pbx.strip(), "number": number.strip()}
    if not any(wanted.values()):
        values: dict[str, Any] = {"live": await first(request, FEED.name), "running": None, "wanted": wanted}
        return frame.page(request, caller, "calls.html", title="Running calls", **values)
    running = await _running(around, caller.who, **wanted)
    if "HX-Request" in request.headers:
        return frame.part(request, caller, "_calls.html", running=running, wanted=wanted)
    return frame.page(request, caller, "calls.html", title="Running calls", live=None, running=running, wanted=wanted)


@router.get("/call")
async def call(
    request: Request, caller: Looker, around: Around, of: Annotated[str, Query(min_length=1, max_length=256)]
) -> Response:
    """One call: `of` is its Call-ID, or the number of its record."""
    verdict = await told(around, RecordsRequest(RecordsAction.EXPLAIN, subject=of), caller.who)
    try:
        trace = await told(around, RecordsRequest(RecordsAction.TRACE, subject=of), caller.who)
    except MissingError:
        trace = None
    values = {
        "of": of,
        "verdict": verdict,
        "record": verdict["record"],
        "parties": trace["parties"] if trace else [],
        "arrows": arrows(trace) if trace else [],
    }
    return frame.page(request, caller, "call.html", title="A call", **values)


def arrows(trace: Any) -> list[Arrow]:
    """The messages as arrows between columns; who has no column is not drawn."""
    parties = trace["parties"]
    times = [datetime.fromisoformat(one["at"]) for one in trace["messages"]]
    drawn = []
    for one, at in zip(trace["messages"], times, strict=True):
        if one["sender"] not in parties or one["receiver"] not in parties:
            continue
        source, target = parties.index(one["sender"]), parties.index(one["receiver"])
        left, right = sorted((source, target))
        seconds = (at - times[0]).total_seconds()
        drawn.append(Arrow(seconds, one["title"], left, right, source <= target, one))
    return drawn
