"""Log-in, log-out, and the first administrator with the one-time token."""

import math
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from voxgate.admin.auth import Door, address_of, caller_of, from_own_page, session_key, set_cookie
from voxgate.admin.doorman import RefusedError, TooManyError
from voxgate.admin.page import frame
from voxgate.admin.page.visitors import Looker, Sent
from voxgate.admin.problems import ApiError, one_line
from voxgate.errors import UsageError

router = APIRouter(include_in_schema=False)

_LONGEST = 256
Text = Annotated[str, Query(max_length=2048)]


def _own(back: str) -> str:
    """A path of ours, and nothing that a browser takes for another host."""
    good = back.startswith("/") and not back.startswith(("//", "/\\")) and "\\" not in back and back.isprintable()
    return back if good else "/"


def _require_own_page(request: Request) -> None:
    """Nobody is logged in by a page of somebody else's, as somebody he is not."""
    if not from_own_page(request):
        raise ApiError(403, "this form does not come from a page of ours")


@router.get("/login")
async def login_page(request: Request, door: Door, next: Text = "/") -> Response:  # noqa: A002  the address's own word
    """The form; who is in already goes on."""
    if caller_of(request) is not None:
        return RedirectResponse(_own(next), 303)
    if not door.access.now().users:
        return RedirectResponse("/setup", 303)
    return _login(request, next)


def _login(request: Request, back: str, *, user: str = "", wrong: str = "", status: int = 200) -> Response:
    return frame.page(
        request, None, "login.html", status=status, title="Log in", back=_own(back), user=user, wrong=wrong
    )


@router.post("/login")
async def log_in(request: Request, form: Sent, door: Door) -> Response:
    """Log in and go on."""
    _require_own_page(request)
    user, back = form.text("user")[:_LONGEST], form.text("next")
    try:
        key, _ = await door.log_in(user, form.raw("password")[: 4 * _LONGEST], address_of(request))
    except RefusedError:
        return _login(request, back, user=user, wrong="User or password is wrong.", status=401)
    except TooManyError as error:
        answer = _login(request, back, user=user, wrong=_wait(error), status=429)
        answer.headers["Retry-After"] = str(math.ceil(error.wait_s))
        return answer
    # Whatever key the browser came with is over: nobody gives a victim a session that he knows.
    door.sessions.end(session_key(request))
    answer = RedirectResponse(_own(back), 303)
    set_cookie(request, answer, key)
    return answer


def _wait(error: TooManyError) -> str:
    return f"Too many attempts. Wait {math.ceil(error.wait_s)} seconds."


@router.post("/logout")
async def log_out(request: Request, caller: Looker, door: Door) -> Response:
    """Log out."""
    door.sessions.end(session_key(request))
    door.audit.write(caller.who, "session.end", address=caller.address)
    answer = RedirectResponse("/login", 303)
    set_cookie(request, answer, "")
    return answer


@router.get("/setup")
async def setup_page(request: Request, door: Door, token: Text = "") -> Response:
    """The form of the first administrator."""
    if door.access.now().users:
        return RedirectResponse("/login", 303)
    return _setup(request, token)


def _setup(request: Request, token: str, *, user: str = "admin", wrong: str = "", status: int = 200) -> Response:
    values = {"token": token[:_LONGEST], "user": user, "wrong": wrong}
    return frame.page(request, None, "setup.html", status=status, title="First administrator", **values)


@router.post("/setup")
async def set_up(request: Request, form: Sent, door: Door) -> Response:
    """Make the first administrator, with the token, and log him in."""
    _require_own_page(request)
    user, token, password = form.text("user")[:_LONGEST], form.text("token"), form.raw("password")[: 4 * _LONGEST]
    if password != form.raw("again"):
        return _setup(request, token, user=user, wrong="The two passwords differ.", status=422)
    try:
        key, _ = await door.set_up(token, user, password, address_of(request))
    except RefusedError:
        return _setup(request, "", user=user, wrong="The token is wrong, or it was used already.", status=401)
    except TooManyError as error:
        return _setup(request, token, user=user, wrong=_wait(error), status=429)
    except UsageError as error:
        return _setup(request, token, user=user, wrong=one_line(error), status=422)
    answer = RedirectResponse("/", 303)
    set_cookie(request, answer, key)
    return answer
