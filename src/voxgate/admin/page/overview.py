"""How everything is: lights of engines, PBXs, trunks and certificates, and the last hour as plots."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from voxgate.admin.page import frame, lights
from voxgate.admin.page.streams import Feed, first
from voxgate.admin.page.visitors import Looker
from voxgate.admin.surroundings import Surroundings
from voxgate.wire.control import StatusRequest

router = APIRouter(include_in_schema=False)

PLACE = frame.Place("/", "Overview", "Watch")


async def _state(around: Surroundings) -> dict[str, object]:
    status = (await around.desk.ask(StatusRequest(), "page")).data
    boards = (
        ("Engines", "", lights.engines(status)),
        ("PBXs", "", lights.pbxs(status)),
        ("Trunks", "", lights.trunks(status)),
        ("Certificates", "", lights.certificates(status)),
    )
    return {
        "state": frame.drawn("_overview_state.html", status=status, overall=lights.overall(status)),
        "boards": frame.drawn("_overview_boards.html", boards=boards),
    }


FEED = Feed("overview", _state)


@router.get("/")
async def overview(request: Request, caller: Looker) -> Response:
    """The page people leave open."""
    return frame.page(request, caller, "overview.html", title="Overview", live=await first(request, FEED.name))
