"""`/api/v1/turn/credentials`: time-limited TURN credentials, for a browser or for who serves its page."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from voxgate.admin.attempts import Attempts, Rate, requester
from voxgate.admin.auth import Around, TurnClient, address_of
from voxgate.admin.doorman import TooManyError
from voxgate.admin.problems import ApiError
from voxgate.engines.turn_credentials import credentials

router = APIRouter()

#: A page asks once for each call.
RATE = Rate(burst=30, per_s=0.5)


class IceServers(BaseModel):
    """What goes into `RTCPeerConnection`."""

    iceServers: list[dict[str, Any]]  # noqa: N815  the browsers' own name
    expires: str


@router.get("/turn/credentials", operation_id="turn_credentials")
async def turn_credentials(
    caller: TurnClient,
    around: Around,
    request: Request,
    response: Response,
    user: Annotated[str, Query(pattern=r"^[A-Za-z0-9_.@+-]{1,64}$")] = "browser",
) -> IceServers:
    """Credentials for `user`, by whose name quotas count."""
    _allow_origin(around.config().admin, request, response)
    rates: Attempts = request.app.state.turn_rates
    now = around.clock.wall()
    if wait_s := rates.take(f"{caller.who} {requester(address_of(request))}", now.timestamp()):
        raise TooManyError(wait_s)
    made = credentials(around.config(), user, now.timestamp())
    if made is None:
        raise ApiError(404, "there is no turn.shared_secret", "add one to the configuration")
    expires = datetime.fromtimestamp(made.expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return IceServers(iceServers=[made.ice_server()], expires=expires)


@router.options("/turn/credentials", status_code=204, include_in_schema=False)
async def preflight(around: Around, request: Request, response: Response) -> None:
    """What browsers ask first (CORS)."""
    _allow_origin(around.config().admin, request, response)
    response.headers["Access-Control-Allow-Headers"] = "Authorization"
    response.headers["Access-Control-Max-Age"] = "600"


def _allow_origin(admin: Any, request: Request, response: Response) -> None:
    """Pages of configured hosts may; others not even with a good token, which they may have by mistake."""
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc == request.headers.get("host"):
        return
    host = urlsplit(origin).hostname or ""
    if admin is None or host not in admin.turn_origins:
        raise ApiError(403, "pages of this host may not have TURN credentials", "add it to admin.turn_origins")
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Vary"] = "Origin"
