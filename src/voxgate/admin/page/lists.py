"""Who is shut out, who never is, and why: the black and the white list, the evidence, one click to move."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from voxgate.admin.auth import Around
from voxgate.admin.doorman import Caller
from voxgate.admin.page import frame
from voxgate.admin.page.forms import Form
from voxgate.admin.page.listing import Searched
from voxgate.admin.page.mistakes import problem
from voxgate.admin.page.visitors import Doer, Looker, Sent
from voxgate.admin.problems import ApiError, ProblemBody
from voxgate.admin.surroundings import Surroundings
from voxgate.errors import VoxgateError
from voxgate.wire.guard_request import GuardAction, GuardRequest

black, white = APIRouter(include_in_schema=False), APIRouter(include_in_schema=False)

BLACK: Final = frame.Place("/bans", "Black list", "Watch")
WHITE: Final = frame.Place("/whitelist", "White list", "Watch")
#: What the buttons are called, and what they do.
_DOES: Final = {
    "ban": GuardAction.BAN,
    "unban": GuardAction.UNBAN,
    "allow": GuardAction.ALLOW,
    "disallow": GuardAction.DISALLOW,
    "move": GuardAction.MOVE,
}
_LONGEST: Final = 200


@black.get("/bans")
async def bans(request: Request, caller: Looker, around: Around, search: Searched) -> Response:
    """Who is shut out, until when and why."""
    return await _list(request, caller, around, search)


@white.get("/whitelist")
async def whitelist(request: Request, caller: Looker, around: Around, search: Searched) -> Response:
    """Who is never shut out."""
    return await _list(request, caller, around, search)


@black.get("/evidence")
async def evidence(
    request: Request, caller: Looker, around: Around, network: Annotated[str, Query(min_length=1, max_length=60)]
) -> Response:
    """What somebody did that was suspicious, and what can be done about it."""
    case: Any = (await around.desk.ask(GuardRequest(GuardAction.WHY, network.strip()), caller.who)).data
    return frame.page(request, caller, "evidence.html", title=f"Evidence: {case['network']}", case=case)


@black.post("/bans")
async def change_bans(request: Request, caller: Doer, around: Around, form: Sent, search: Searched) -> Response:
    """Shut somebody out, let somebody in, or move somebody to the white list."""
    return await _change(request, caller, around, form, search)


@white.post("/whitelist")
async def change_whitelist(request: Request, caller: Doer, around: Around, form: Sent, search: Searched) -> Response:
    """The same with the white list."""
    return await _change(request, caller, around, form, search)


async def _list(
    request: Request, caller: Caller, around: Surroundings, search: Searched, asks: ProblemBody | None = None
) -> Response:
    data: Any = (await around.desk.ask(GuardRequest(GuardAction.BANS), caller.who)).data
    place = WHITE if request.url.path == WHITE.path else BLACK
    piece = search.of(data["allowed" if place is WHITE else "bans"])
    values = {"piece": piece, "place": place, "enforcement": data.get("enforcement"), "asks": asks}
    template = "whitelist.html" if place is WHITE else "bans.html"
    return frame.page(request, caller, template, status=asks.status if asks else 200, title=place.label, **values)


async def _change(request: Request, caller: Caller, around: Surroundings, form: Form, search: Searched) -> Response:
    action, minutes = _DOES.get(form.text("do")), form.text("minutes")
    if action is None or (minutes and not (minutes.isdecimal() and len(minutes) < 8)):
        raise ApiError(422, "the form is not as it should be", "open the page anew")
    order = GuardRequest(
        action, form.text("network")[:60], int(minutes) if minutes else None, form.text("note")[:_LONGEST]
    )
    try:
        await around.desk.ask(order, caller.who)
    except VoxgateError as error:
        return await _list(request, caller, around, search, asks=problem(error)[0])
    back = urlencode({"q": search.text, "from": search.at}) if search.text or search.at else ""
    return RedirectResponse(request.url.path + (f"?{back}" if back else ""), 303)
