"""Who looks at a page, and whether that role may: what every route of a page depends on.

A browser without a session is sent to the log-in page, and back afterwards. A form brings the session's CSRF token in
its field `csrf`, a request by htmx in the header `X-CSRF-Token`.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request

from voxgate.admin.auth import CSRF_HEADER, SAFE, caller_of, require_own_page, require_pace, require_role
from voxgate.admin.doorman import Caller
from voxgate.admin.page.forms import Form, form_of
from voxgate.admin.roles import Role


class NotLoggedInError(Exception):
    """The browser must log in; `back` is where it wanted to go, empty for nowhere."""

    def __init__(self, back: str) -> None:
        super().__init__()
        self.back = back


def place_of(request: Request) -> str:
    """The address with its query, as a path of ours."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def log_in_address(back: str) -> str:
    """The log-in page, which leads to `back`."""
    return f"/login?next={quote(back, safe='')}" if back and back != "/" else "/login"


async def _visitor(request: Request) -> Caller:
    caller = caller_of(request)
    # A token is for programs: pages are for people.
    if caller is None or caller.session is None:
        looks = request.method in SAFE and "HX-Request" not in request.headers
        raise NotLoggedInError(place_of(request) if looks else "")
    require_pace(request, caller)
    if request.method not in SAFE:
        csrf = request.headers.get(CSRF_HEADER) or (await form_of(request)).raw("csrf")
        require_own_page(request, caller, csrf)
    return caller


class Visits:
    """The dependency of a page that only some roles may see, or of a form that only some may send."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, caller: Annotated[Caller, Depends(_visitor)]) -> Caller:
        """The caller. Raises ApiError, NotLoggedInError."""
        return require_role(caller, self.role)


Looker = Annotated[Caller, Depends(Visits(Role.READ_ONLY))]
Doer = Annotated[Caller, Depends(Visits(Role.OPERATOR))]
Master = Annotated[Caller, Depends(Visits(Role.ADMIN))]
Sent = Annotated[Form, Depends(form_of)]
