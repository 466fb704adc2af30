"""The application: the list of pages, and which requests are the API's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import FastAPI

from voxgate.admin.page import (
    assets,
    audit_log,
    calls,
    certificates,
    configuration,
    entrance,
    firewall,
    lists,
    logs,
    measures,
    mistakes,
    overview,
    pbxs,
    people,
    records,
    streams,
    trunks,
)
from voxgate.admin.page import history as generations

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.types import ASGIApp, Receive, Scope, Send

    from voxgate.admin.page.frame import Place
    from voxgate.admin.surroundings import Surroundings

#: (page, its place in the navigation), in the navigation's order; a place of None is for what stands there already.
PAGES: Final[tuple[tuple[APIRouter, Place | None], ...]] = (
    (assets.router, None),
    (entrance.router, None),
    (streams.router, None),
    (overview.router, overview.PLACE),
    (calls.router, calls.PLACE),
    (records.router, records.PLACE),
    (logs.router, logs.PLACE),
    (lists.black, lists.BLACK),
    (lists.white, lists.WHITE),
    (pbxs.router, pbxs.PLACE),
    (trunks.router, trunks.PLACE),
    (certificates.router, certificates.PLACE),
    (firewall.router, firewall.PLACE),
    (configuration.router, configuration.PLACE),
    (generations.router, generations.PLACE),
    (people.router, people.PLACE),
    (audit_log.router, audit_log.PLACE),
)


def feeds(history: measures.History) -> tuple[streams.Feed, ...]:
    """What lives on pages."""
    return (overview.feed(history), calls.FEED)


_API: Final = ("/api/", "/metrics")


def build(api: FastAPI, history: measures.History) -> FastAPI:
    """The pages; they share what the API stands on."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state = api.state
    app.state.places = tuple(place for _, place in PAGES if place is not None)
    app.state.streams = streams.Streams(api.state.around, feeds(history))
    for router, _ in PAGES:
        app.include_router(router)
    mistakes.install(app)
    return app


class Site:
    """The API, and the pages beside it."""

    def __init__(self, api: FastAPI) -> None:
        self._around: Surroundings = api.state.around
        self._history = measures.History()
        self._api: ASGIApp = api
        self._pages: ASGIApp = build(api, self._history)
        self.streams: streams.Streams = api.state.streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """To whom it belongs, by its path alone."""
        programs = str(scope.get("path", "")).startswith(_API)
        await (self._api if programs else self._pages)(scope, receive, send)

    async def measure(self) -> None:
        """Keep the last hour for the plots; until cancelled."""
        await measures.measure(self._around, self._history)
