"""The route table: every resource in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from voxgate.admin import auth, openapi, problems
from voxgate.admin.api import (
    calls,
    certificates,
    configuration,
    guard,
    logs,
    metrics,
    objects,
    people,
    programs,
    records,
    session,
    state,
    turn,
)
from voxgate.admin.attempts import Attempts
from voxgate.admin.problems import ProblemBody

if TYPE_CHECKING:
    from fastapi import APIRouter

    from voxgate.admin.doorman import Doorman
    from voxgate.admin.surroundings import Surroundings

PREFIX = "/api/v1"

#: (resource, its heading in the documentation)
RESOURCES: tuple[tuple[APIRouter, str], ...] = (
    (session.router, "Log-in"),
    (state.router, "State"),
    (calls.router, "Calls"),
    (records.router, "Calls of the past"),
    (configuration.router, "Configuration"),
    (objects.router, "PBXs, trunks and numbers"),
    (guard.router, "Guard"),
    (certificates.router, "Certificates"),
    (logs.router, "Log"),
    (turn.router, "TURN"),
    (people.router, "Users"),
    (programs.router, "Tokens"),
)

#: What any route may answer.
ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemBody, "description": words}
    for status, words in (
        (400, "Not to be understood"),
        (401, "Nobody knows who asks"),
        (403, "Not with this role, or from a page of somebody else's"),
        (404, "There is none"),
        (408, "The request did not come in time"),
        (409, "Not now, or not without a word"),
        (412, "Somebody has changed it meanwhile"),
        (413, "Too large"),
        (414, "The address is too long"),
        (431, "The head is too large"),
        (422, "Wrong, with every mistake at once"),
        (428, "If-Match is missing"),
        (429, "Too often; see Retry-After"),
        (503, "Voxgate or an engine is not ready; see Retry-After"),
    )
}


def build(around: Surroundings, door: Doorman) -> FastAPI:
    """The application."""
    app = FastAPI(
        title="Voxgate",
        version="1",
        summary="One front door for phone systems.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=ANSWERS,
    )
    app.state.around = around
    app.state.door = door
    app.state.rates = Attempts(auth.RATE)
    app.state.exports = 0
    app.state.turn_rates = Attempts(turn.RATE)
    for router, heading in RESOURCES:
        app.include_router(router, prefix=PREFIX, tags=[heading])
    # Where Prometheus looks by itself.
    app.include_router(metrics.router, tags=["Metrics"])
    problems.install(app)
    openapi.install(app)
    return app
