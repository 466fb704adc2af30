"""How everything is: lights of engines, PBXs, trunks and certificates, and the last hour as plots."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from voxgate.admin.page import frame, lights, measures
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
        ("PBXs", "/pbxs", lights.pbxs(status)),
        ("Trunks", "/trunks", lights.trunks(status)),
        ("Certificates", "/certificates", lights.certificates(status)),
    )
    return {
        "state": frame.drawn("_overview_state.html", status=status, overall=lights.overall(status)),
        "boards": frame.drawn("_overview_boards.html", boards=boards, doctor=lights.doctor(status)),
    }


def feed(history: measures.History) -> Feed:
    """What lives on it; `history` is the last hour."""

    async def make(around: Surroundings) -> dict[str, object]:
        return {**await _state(around), "plots": history.data()}

    return Feed("overview", make)


@router.get("/")
async def overview(request: Request, caller: Looker) -> Response:
    """The page people leave open."""
    return frame.page(request, caller, "overview.html", title="Overview", live=await first(request, "overview"))
