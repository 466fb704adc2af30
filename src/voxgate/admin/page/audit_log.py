"""The audit log: who changed what when, whichever way it came."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from voxgate.admin.auth import Door
from voxgate.admin.page import frame
from voxgate.admin.page.listing import Searched
from voxgate.admin.page.visitors import Master
from voxgate.admin.roles import Role

router = APIRouter(include_in_schema=False)

PLACE = frame.Place("/audit", "Audit log", "Administer", Role.ADMIN)
#: Newer than these are searched; the file holds more.
MOST = 5000


@router.get("/audit")
async def listed(request: Request, caller: Master, door: Door, search: Searched) -> Response:
    """The newest first."""
    lines: Any = await asyncio.to_thread(door.audit.latest, MOST)
    values: dict[str, Any] = {"piece": search.of(lines), "path": PLACE.path}
    template = "_audit.html" if request.headers.get("HX-Target") == "list" else "audit.html"
    if template == "_audit.html":
        return frame.part(request, caller, template, **values)
    return frame.page(request, caller, template, title=PLACE.label, **values)
