"""The configuration as YAML, edited with the plan before it is applied."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from voxgate.admin.api.configuration import files_now
from voxgate.admin.auth import Around
from voxgate.admin.doorman import Caller
from voxgate.admin.page import frame
from voxgate.admin.page.changing import Attempt, attempt
from voxgate.admin.page.forms import Form
from voxgate.admin.page.visitors import Looker, Master, Sent
from voxgate.admin.problems import ApiError
from voxgate.config.load import Source
from voxgate.config.raw import etag_of_files
from voxgate.wire.admin_request import EditRequest

router = APIRouter(include_in_schema=False)

PLACE = frame.Place("/configuration", "Configuration", "Configure")
_MOST_FILES = 200


@router.get("/configuration")
async def editor(request: Request, caller: Looker, around: Around) -> Response:
    """The files as they are."""
    sources = await files_now(around)
    texts = {file_name(one): one.text for one in sources}
    return _drawn(request, caller, texts, etag_of_files(sources))


def file_name(source: Source) -> str:
    """As people call it: relative to the main file's folder."""
    *_, folder, name = source.path.split("/")
    return f"conf.d/{name}" if folder == "conf.d" else name


def _drawn(
    request: Request,
    caller: Caller,
    texts: dict[str, str],
    etag: str,
    *,
    tried: Attempt | None = None,
    status: int = 200,
) -> Response:
    values: dict[str, Any] = {"files": texts, "etag": etag, "tried": tried}
    title = "Configuration"
    return frame.page(request, caller, "configuration.html", status=status, title=title, **values)


@router.post("/configuration")
async def edit(request: Request, caller: Master, around: Around, form: Sent) -> Response:
    """Foretell, or apply."""
    texts = _texts(form)
    tried = await attempt(around, caller.who, EditRequest((), form.text("etag") or None, (), files=texts), form)
    if tried.done:
        return RedirectResponse("/history", 303)
    return _drawn(request, caller, texts, form.text("etag"), tried=tried, status=tried.status)


def _texts(form: Form) -> dict[str, str]:
    """The files of the form; an empty one in `conf.d` goes. Raises ApiError."""
    paths, texts = form.all("path")[:_MOST_FILES], form.all("text")[:_MOST_FILES]
    if len(paths) != len(texts) or not paths or not form.text("etag"):
        raise ApiError(422, "the form is not whole", "open the page anew")
    found = {path: text.replace("\r\n", "\n").rstrip() + "\n" for path, text in zip(paths, texts, strict=True)}
    if name := form.text("new"):
        found[name if "/" in name else f"conf.d/{name}"] = form.raw("new_text").replace("\r\n", "\n").rstrip() + "\n"
    return {path: text for path, text in found.items() if text.strip() or "/" not in path}
