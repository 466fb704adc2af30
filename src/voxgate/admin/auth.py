"""Who asks, and whether they may: what every route depends on.

A program sends `Authorization: Bearer TOKEN`. A browser sends its session's cookie; whatever changes something has to
bring the session's CSRF token in `X-CSRF-Token` as well, from a page of ours.
"""

from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from voxgate.admin.attempts import Attempts, Rate
from voxgate.admin.doorman import Caller, Doorman, RefusedError, TooManyError
from voxgate.admin.problems import ApiError
from voxgate.admin.roles import Role, may
from voxgate.admin.sessions import same
from voxgate.admin.surroundings import Surroundings
from voxgate.guard.observation import Kind

#: `__Host-`: from this host alone, over TLS, for no other path (RFC 6265bis); without TLS browsers refuse it.
COOKIE, PLAIN_COOKIE = "__Host-voxgate", "voxgate"
CSRF_HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: A page with all its pieces, and then a script that polls.
RATE: Final = Rate(burst=200, per_s=50)

_bearer = HTTPBearer(auto_error=False, description="A token: `voxgate token add`.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="A session: `POST /api/v1/session`.")


def around_of(request: Request) -> Surroundings:
    """The edge."""
    around: Surroundings = request.app.state.around
    return around


def door_of(request: Request) -> Doorman:
    """Who lets people in."""
    door: Doorman = request.app.state.door
    return door


def address_of(request: Request) -> str:
    """Where the request comes from. No header is believed."""
    return request.client.host if request.client else ""


def session_key(request: Request) -> str:
    """The session's key in the cookie; empty when there is none."""
    return request.cookies.get(COOKIE if request.url.scheme == "https" else PLAIN_COOKIE, "")


def set_cookie(request: Request, response: Response, key: str) -> None:
    """Give the browser its session's key; an empty one takes it away."""
    secure = request.url.scheme == "https"
    name = COOKIE if secure else PLAIN_COOKIE
    age = None if key else 0
    response.set_cookie(name, key, max_age=age, path="/", secure=secure, httponly=True, samesite="strict")


def caller_of(request: Request) -> Caller | None:
    """Who asks; None when nobody says so. Raises RefusedError, TooManyError."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind:
        if kind.lower() != "bearer":
            raise RefusedError("only tokens are taken here: Authorization: Bearer TOKEN")
        return door_of(request).by_token(token.strip(), address_of(request))
    key = session_key(request)
    return door_of(request).by_session(key, address_of(request)) if key else None


def _known(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    __: Annotated[str | None, Depends(_cookie)],
) -> Caller:
    caller = caller_of(request)
    if caller is None:
        raise ApiError(401, "who asks?", "send a token, or log in", {"WWW-Authenticate": "Bearer"})
    require_pace(request, caller)
    if caller.session is not None and request.method not in SAFE:
        require_own_page(request, caller, request.headers.get(CSRF_HEADER, ""))
    return caller


def require_pace(request: Request, caller: Caller) -> None:
    """Raises TooManyError when somebody asks too often."""
    rates: Attempts = request.app.state.rates
    if wait_s := rates.take(caller.who, around_of(request).clock.monotonic()):
        raise TooManyError(wait_s)


def require_role(caller: Caller, role: Role) -> Caller:
    """The caller. Raises ApiError when he may not do what `role` may."""
    if not may(caller.role, role):
        raise ApiError(403, f"this needs the role {role}", f"yours is {caller.role}")
    return caller


def require_own_page(request: Request, caller: Caller, csrf: str) -> None:
    """Raises ApiError when a browser may have been sent here by a page of somebody else's."""
    assert caller.session is not None  # noqa: S101  the callers' duty
    if not same(csrf, caller.session.csrf) or not from_own_page(request):
        door_of(request).observe(address_of(request), Kind.NOT_ALLOWED, "csrf")
        raise ApiError(403, "this request does not come from a page of ours", f"send {CSRF_HEADER}; see GET session")


def from_own_page(request: Request) -> bool:
    """Whether a browser says that a page of ours sends it; a program says nothing, and is believed."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


class Needs:
    """The dependency of a route that only some roles may use."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, caller: Annotated[Caller, Depends(_known)]) -> Caller:
        """The caller. Raises ApiError."""
        return require_role(caller, self.role)


Reader = Annotated[Caller, Depends(Needs(Role.READ_ONLY))]
Operator = Annotated[Caller, Depends(Needs(Role.OPERATOR))]
Administrator = Annotated[Caller, Depends(Needs(Role.ADMIN))]
TurnClient = Annotated[Caller, Depends(Needs(Role.TURN))]


async def _around(request: Request) -> Surroundings:
    return around_of(request)


async def _door(request: Request) -> Doorman:
    return door_of(request)


Around = Annotated[Surroundings, Depends(_around)]
Door = Annotated[Doorman, Depends(_door)]
