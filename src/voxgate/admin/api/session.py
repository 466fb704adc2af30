"""`/api/v1/session`: log-in, log-out, who am I; `/api/v1/setup`: the first administrator."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from voxgate.admin.auth import Door, Reader, address_of, caller_of, require_own_page, session_key, set_cookie
from voxgate.admin.roles import Role

router = APIRouter()


class Login(BaseModel):
    """User and password."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class First(Login):
    """The first administrator; `token` is what Voxgate's log or `voxgate user set-up` tells."""

    token: Annotated[str, Field(min_length=1, max_length=128)]


class Me(BaseModel):
    """Who asks. `csrf` goes into `X-CSRF-Token` of whatever changes something; a token's owner has none."""

    who: str
    role: Role
    csrf: str | None = None


@router.post("/session", status_code=201, operation_id="log_in")
async def log_in(login: Login, request: Request, response: Response, door: Door) -> Me:
    """Log in: the answer brings the session's cookie."""
    door.sessions.end(session_key(request))
    key, session = await door.log_in(login.user, login.password, address_of(request))
    set_cookie(request, response, key)
    return Me(who=session.user, role=session.role, csrf=session.csrf)


@router.get("/session", operation_id="who_am_i")
async def who_am_i(caller: Reader) -> Me:
    """Who asks, and what he may."""
    return Me(who=caller.who, role=caller.role, csrf=caller.session.csrf if caller.session else None)


@router.delete("/session", status_code=204, operation_id="log_out")
async def log_out(request: Request, response: Response, door: Door) -> None:
    """Log out. It is no mistake to do so twice."""
    caller = caller_of(request)
    if caller is not None and caller.session is not None:
        require_own_page(request, caller, request.headers.get("X-CSRF-Token", ""))
        door.sessions.end(session_key(request))
        door.audit.write(caller.who, "session.end", address=caller.address)
    set_cookie(request, response, "")


@router.post("/setup", status_code=201, operation_id="set_up")
async def set_up(first: First, request: Request, response: Response, door: Door) -> Me:
    """Make the first administrator, with the one-time token, and log in."""
    key, session = await door.set_up(first.token, first.user, first.password, address_of(request))
    set_cookie(request, response, key)
    return Me(who=session.user, role=session.role, csrf=session.csrf)
