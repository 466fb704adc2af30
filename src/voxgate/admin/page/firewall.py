"""The firewall list: every port to open, and why; in the words of several packet filters."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from voxgate.admin.auth import Around
from voxgate.admin.page import frame
from voxgate.admin.page.listing import Searched
from voxgate.admin.page.visitors import Looker
from voxgate.admin.problems import ApiError
from voxgate.firewall import firewalld, nftables, ufw, words
from voxgate.firewall.opening import Opening

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(max_length=20)]
PLACE = frame.Place("/firewall", "Firewall", "Configure")
FORMATS: Final[dict[str, tuple[str, Callable[[Iterable[Opening]], str]]]] = {
    "nftables": ("nftables", nftables.printed),
    "firewalld": ("firewalld", firewalld.printed),
    "ufw": ("ufw", ufw.printed),
}


@router.get("/firewall")
async def listed(request: Request, caller: Looker, around: Around, search: Searched) -> Response:
    """The list."""
    rows = [{"cells": row} for row in words.rows(around.openings())]
    values: dict[str, Any] = {"head": words.HEAD, "piece": search.of(rows), "formats": (("plain", "words"), *_labels())}
    return frame.page(request, caller, "firewall.html", title=PLACE.label, **values)


def _labels() -> list[tuple[str, str]]:
    return [(name, label) for name, (label, _) in FORMATS.items()]


@router.get("/firewall/{name}")
async def printed(request: Request, caller: Looker, around: Around, name: Name) -> Response:
    """The list for one packet filter."""
    found = around.openings()
    if name == "plain":
        text = words.letter(around.config().edge.domain, found)
    elif name in FORMATS:
        text = FORMATS[name][1](found)
    else:
        raise ApiError(404, "there is no such packet filter")
    return frame.page(request, caller, "firewall_text.html", title=f"Firewall: {name}", text=text)
