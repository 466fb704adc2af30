"""Certificates: what TLS clients are shown, until when, by whom; renew and verify at a press."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from voxgate.admin.auth import Around
from voxgate.admin.page import frame, lights
from voxgate.admin.page.visitors import Doer, Looker, Sent
from voxgate.admin.problems import one_line
from voxgate.errors import UsageError
from voxgate.wire.certs_request import CertsAction, CertsRequest

router = APIRouter(include_in_schema=False)

PLACE = frame.Place("/certificates", "Certificates", "Configure")


@router.get("/certificates")
async def listed(request: Request, caller: Looker, around: Around) -> Response:
    """All of them."""
    data: Any = (await around.desk.ask(CertsRequest(CertsAction.LIST), caller.who)).data
    rows = [(one, lights.certificate(one)) for one in data["certificates"]]
    values: dict[str, Any] = {"rows": rows, "alarms": data["alarms"], "authority": data["authority"]}
    return frame.page(request, caller, "certificates.html", title=PLACE.label, **values)


@router.post("/certificates/renew")
async def renew(request: Request, caller: Doer, around: Around, form: Sent) -> Response:
    """Order now; tells what did not succeed."""
    name = form.text("name")[:64] or None
    try:
        told: Any = (await around.desk.ask(CertsRequest(CertsAction.RENEW, name), caller.who)).data
    except UsageError as error:
        return _found(request, caller, [lights.Light(name or "all", "bad", one_line(error))])
    alarms = [lights.Light(name or "all", "bad", str(alarm)) for alarm in told["alarms"]]
    return _found(request, caller, alarms or [lights.Light(name or "all", "good", "as it should be")])


@router.post("/certificates/verify")
async def verify(request: Request, caller: Doer, around: Around) -> Response:
    """Ask every listener for every name what it shows."""
    told: Any = (await around.desk.ask(CertsRequest(CertsAction.VERIFY), caller.who)).data
    return _found(
        request,
        caller,
        [
            lights.Light(
                f"{one['purpose']} {one['address']}:{one['port']} {one['name']}",
                "bad" if one["wrong"] else "good",
                one["wrong"] or f"shows {one['certificate']}",
                one["version"] or "",
            )
            for one in told["handshakes"]
        ],
    )


def _found(request: Request, caller: Any, found: list[lights.Light]) -> Response:
    return frame.part(request, caller, "_tested.html", found=found)
