"""What every page is set in: templates, navigation, and the headers that say what a browser may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from voxgate.admin.page import assets
from voxgate.admin.roles import Role, may

if TYPE_CHECKING:
    from fastapi import Request

    from voxgate.admin.doorman import Caller

_TEMPLATES: Final = Path(__file__).with_name("templates")

#: Nothing but what we serve ourselves; nothing inside of the page is carried out.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect", "font")),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With no-referrer, browsers say of our own forms that they come from "null".
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A page's place in the navigation: under `heading`, shown to who has the role `role`."""

    path: str
    label: str
    heading: str
    role: Role = Role.READ_ONLY


def page(
    request: Request, caller: Caller | None, template: str, *, status: int = 200, title: str, **values: Any
) -> HTMLResponse:
    """A whole page. `caller` None: nobody is logged in."""
    places: tuple[Place, ...] = request.app.state.places
    seen = [place for place in places if caller is not None and may(caller.role, place.role)]
    headings = {place.heading: [one for one in seen if one.heading == place.heading] for place in seen}
    return _answer(request, caller, template, status, {"title": title, "headings": headings, **values})


def part(request: Request, caller: Caller, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A piece of a page, which htmx puts into it."""
    return _answer(request, caller, template, status, values)


def drawn(template: str, **values: Any) -> Markup:
    """A piece that is the same for everybody: for feeds. What it is made of was escaped when it was drawn."""
    return Markup(_environment.get_template(template).render(values))  # noqa: S704


def _answer(
    request: Request, caller: Caller | None, template: str, status: int, values: dict[str, Any]
) -> HTMLResponse:
    session = caller.session if caller else None
    around = {
        "me": caller,
        "csrf": session.csrf if session else "",
        "here": request.url.path,
        "can": lambda role: caller is not None and may(caller.role, Role(role)),
        "version": request.app.state.around.version,
    }
    return HTMLResponse(_environment.get_template(template).render({**around, **values}), status, HEADERS)


def _moment(text: str | None) -> str:
    """RFC 3339 as people read it: still UTC, and says so."""
    return text[:19].replace("T", " ") + " UTC" if text else "-"


def _ago(text: str | None, now: datetime | None = None) -> str:
    """How long ago, or until when, in one unit."""
    if not text:
        return "-"
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(text)).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if size >= length:
            words = f"{size // length:.0f} {unit}"
            break
    else:
        words = f"{size:.0f} s"
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def _made() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=400,
    )
    made.globals["asset"] = assets.address
    made.filters |= {"moment": _moment, "ago": _ago}
    return made


_environment: Final = _made()
