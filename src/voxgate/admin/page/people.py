"""Users, tokens, and the audit log."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from voxgate.admin import passwords, tokens
from voxgate.admin.access import require_name
from voxgate.admin.api import people, programs
from voxgate.admin.auth import Around, Door
from voxgate.admin.doorman import Caller, Doorman
from voxgate.admin.page import frame
from voxgate.admin.page.forms import Form
from voxgate.admin.page.visitors import Master, Sent
from voxgate.admin.problems import one_line
from voxgate.admin.roles import Role
from voxgate.errors import UsageError

router = APIRouter(include_in_schema=False)

PLACE = frame.Place("/people", "Users and tokens", "Administer", Role.ADMIN)
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
TokenId = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]
_HUMAN = (Role.ADMIN, Role.OPERATOR, Role.READ_ONLY)


def _drawn(request: Request, caller: Caller, door: Doorman, **values: Any) -> Response:
    shown = {"wrong": "", "wrong_token": "", "made": None, "typed": "", "status": 200} | values
    access = door.access.now()
    status = shown.pop("status")
    return frame.page(
        request,
        caller,
        "people.html",
        status=status,
        title=PLACE.label,
        users=access.users,
        tokens=[one.data() for one in access.tokens],
        human=_HUMAN,
        roles=tuple(Role),
        **shown,
    )


@router.get("/people")
async def listed(request: Request, caller: Master, door: Door) -> Response:
    """Who may, and what."""
    return _drawn(request, caller, door)


def _role(form: Form, roles: tuple[Role, ...]) -> Role:
    try:
        role = Role(form.text("role"))
    except ValueError:
        raise UsageError("there is no such role") from None
    if role not in roles:
        raise UsageError("there is no such role")
    return role


@router.post("/people/users")
async def put_user(request: Request, caller: Master, door: Door, form: Sent) -> Response:
    """Add a user, or give him another password and role."""
    name, password = form.text("name"), form.raw("password")
    try:
        passwords.require_good(password, require_name(name))
        await people.put_user(name, people.Person(role=_role(form, _HUMAN), password=password), caller, door)
    except UsageError as error:
        return _drawn(request, caller, door, wrong=one_line(error), typed=name[:64], status=422)
    return RedirectResponse("/people", 303)


@router.post("/people/users/{name}/remove")
async def remove_user(request: Request, caller: Master, door: Door, name: Name) -> Response:
    """Remove a user."""
    try:
        await people.remove_user(name, caller, door)
    except UsageError as error:
        return _drawn(request, caller, door, wrong=one_line(error), status=409)
    return RedirectResponse("/people", 303)


def _days(text: str) -> int | None:
    if text and not (text.isdecimal() and len(text) < 6 and 1 <= int(text) <= tokens.LONGEST_DAYS):
        raise UsageError(f"days are a number from 1 to {tokens.LONGEST_DAYS}, or nothing for good")
    return int(text) if text else None


@router.post("/people/tokens")
async def add_token(request: Request, caller: Master, door: Door, around: Around, form: Sent) -> Response:
    """Make a token; it is shown this once."""
    try:
        name, role, days = require_name(form.text("name")), _role(form, tuple(Role)), _days(form.text("days"))
        wish = programs.Wish(name=name, role=role, days=days)
        made = await programs.add_token(wish, caller, door, around)
    except UsageError as error:
        return _drawn(request, caller, door, wrong_token=one_line(error), status=422)
    return _drawn(request, caller, door, made=made)


@router.post("/people/tokens/{token_id}/remove")
async def remove_token(caller: Master, door: Door, token_id: TokenId) -> Response:
    """Take a token back."""
    await programs.remove_token(token_id, caller, door)
    return RedirectResponse("/people", 303)
