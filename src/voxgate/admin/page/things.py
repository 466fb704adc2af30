"""PBXs and trunks: list, add, edit, remove. One way for both; what differs is in `Sort`.

A change is foretold first, or done at once; it goes the API's way, with the ETag under which the form was drawn.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from voxgate.admin.api.editing import NOTHING, read
from voxgate.admin.auth import Around
from voxgate.admin.doorman import Caller
from voxgate.admin.page import fields, frame, lights
from voxgate.admin.page.changing import Attempt, attempt
from voxgate.admin.page.fields import Field
from voxgate.admin.page.forms import Form
from voxgate.admin.page.listing import Searched
from voxgate.admin.page.visitors import Doer, Looker, Sent
from voxgate.admin.problems import ApiError, ProblemBody, problem_of
from voxgate.admin.surroundings import Surroundings
from voxgate.config.model import Config
from voxgate.config.raw import etag, missing, plain, value_at
from voxgate.config.scalars import ScalarError, parse_pbx_name
from voxgate.errors import ConfigError
from voxgate.wire.admin_request import Change, EditRequest
from voxgate.wire.control import StatusRequest

Name = Annotated[str, Path(pattern="^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]


@dataclass(frozen=True, slots=True)
class Sort:
    """PBXs, or trunks. `rows` gives the list's cells from what runs, `test` what its button finds out, in words."""

    section: str
    one: str
    place: frame.Place
    model: type[BaseModel]
    fields: tuple[Field, ...]
    head: tuple[str, ...]
    rows: Callable[[Config], list[dict[str, Any]]]
    board: Callable[[Any], lights.Board]
    test: Callable[[Surroundings, str], Awaitable[list[lights.Light]]]
    keep: Callable[[Surroundings, Caller, str, dict[str, str], dict[str, Any]], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A form: `name` empty for something new."""

    name: str
    etag: str
    texts: dict[str, str]
    tried: Attempt | None = None
    removes: bool = False


def router_of(sort: Sort) -> APIRouter:
    """All routes of one sort."""
    router = APIRouter(include_in_schema=False)
    root = f"/{sort.section}"

    @router.get(root)
    async def listed(request: Request, caller: Looker, around: Around, search: Searched) -> Response:
        return await _list(sort, request, caller, around, search)

    @router.get(f"{root}/+add")
    async def adding(request: Request, caller: Doer) -> Response:
        return _form(sort, request, caller, Drawn("", NOTHING, fields.shown(sort.fields, {})))

    @router.post(f"{root}/+add")
    async def add(request: Request, caller: Doer, around: Around, form: Sent) -> Response:
        return await _change(sort, request, caller, around, form=form, name="")

    @router.get(f"{root}/{{name}}")
    async def editing(request: Request, caller: Looker, around: Around, name: Name) -> Response:
        found = await _found(sort, around, name)
        texts = fields.shown(sort.fields, found)
        return _form(sort, request, caller, Drawn(name, etag(found), texts))

    @router.post(f"{root}/{{name}}")
    async def change(request: Request, caller: Doer, around: Around, form: Sent, name: Name) -> Response:
        return await _change(sort, request, caller, around, form=form, name=name)

    @router.post(f"{root}/{{name}}/test")
    async def test(request: Request, caller: Doer, around: Around, name: Name) -> Response:
        return frame.part(request, caller, "_tested.html", found=await sort.test(around, name))

    return router


async def _list(sort: Sort, request: Request, caller: Caller, around: Surroundings, search: Searched) -> Response:
    status = (await around.desk.ask(StatusRequest(), caller.who)).data
    known = {one.name: one for one in sort.board(status).all}
    rows = [row | {"light": known.get(row["name"])} for row in sort.rows(around.config())]
    values: dict[str, Any] = {"sort": sort, "piece": search.of(rows)}
    if request.headers.get("HX-Target") == "list":
        return frame.part(request, caller, "_things.html", **values)
    return frame.page(request, caller, "things.html", title=sort.place.label, **values)


async def _found(sort: Sort, around: Surroundings, name: str) -> Any:
    _, root = await read(around)
    found = value_at(plain(root), (sort.section, name))
    if missing(found):
        raise ApiError(404, f"there is no {sort.one} {name}")
    return found


async def _change(
    sort: Sort, request: Request, caller: Caller, around: Surroundings, *, form: Form, name: str
) -> Response:
    texts = fields.typed(sort.fields, form)
    called = name or form.text("name")
    drawn = Drawn(name, form.text("etag"), texts | {"name": called}, removes=form.has("removes"))
    try:
        parse_pbx_name(called)
        value = fields.value_of(sort.fields, texts)
        if sort.keep is not None and not drawn.removes:
            await sort.keep(around, caller, called, drawn.texts, value)
    except ScalarError as error:
        return _form(sort, request, caller, drawn, wrong={"name": f"{error.message}: {error.advice}"}, status=422)
    except ConfigError as error:
        return _form(sort, request, caller, drawn, problem=problem_of(error)[0], status=422)
    key = (sort.section, called)
    deed = Change(key, remove=True) if drawn.removes else Change(key, value)
    match = drawn.etag or NOTHING
    tried = await attempt(around, caller.who, EditRequest((deed,), match, key), form)
    if tried.done:
        return RedirectResponse(f"/{sort.section}", 303)
    wrong, others = fields.placed(sort.fields, key, tried.problem.problems if tried.problem else ())
    problem = None
    if tried.problem is not None:
        # What stands at its field need not be told twice.
        problem = tried.problem.model_copy(update={"problems": others})
    drawn = Drawn(drawn.name, drawn.etag, drawn.texts, tried=tried, removes=drawn.removes)
    return _form(sort, request, caller, drawn, wrong=wrong, problem=problem, status=tried.status)


def _form(
    sort: Sort,
    request: Request,
    caller: Caller,
    drawn: Drawn,
    *,
    wrong: dict[str, str] | None = None,
    problem: ProblemBody | None = None,
    status: int = 200,
) -> Response:
    values: dict[str, Any] = {
        "sort": sort,
        "form": drawn,
        "wrong": wrong or {},
        "problem": problem,
        "fields": fields.drawn(sort.fields, sort.model, drawn.texts, wrong or {}),
        "rest": drawn.texts.get(fields.REST, ""),
    }
    title = f"{sort.one} {drawn.name}" if drawn.name else f"A new {sort.one}"
    return frame.page(request, caller, "thing.html", status=status, title=title, **values)
