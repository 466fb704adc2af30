"""Errors as problem+json (RFC 9457): `title` says what is wrong, `advice` what to do, `problems` where.

{"type": "about:blank", "title": text, "status": 422, "detail": text, "advice": text,
 "problems": [{"file", "line", "key", "message", "advice"}]}
"""

from __future__ import annotations

import math
from http import HTTPStatus
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from voxgate.admin.doorman import RefusedError, TooManyError
from voxgate.errors import ConfigError, EngineError, HostError, MissingError, Problem, UsageError, VoxgateError
from voxgate.supervise.editing import DangerError, StaleError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"
_SOON = {"Retry-After": "2"}


class WhereBody(BaseModel):
    """One mistake: `line` counts from 1, 0 is the file as a whole."""

    file: str
    line: int
    key: str
    message: str
    advice: str


class ProblemBody(BaseModel):
    """What every answer from 400 on says."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    advice: str = ""
    problems: list[WhereBody] = Field(default_factory=list)


class ApiError(Exception):
    """An answer from 400 on, with its words."""

    def __init__(self, status: int, title: str, advice: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.advice = advice
        self.headers = headers or {}


def where(problem: Problem) -> WhereBody:
    """A problem without the folder of its file, which is the machine's business."""
    name = PurePath(problem.file).name
    return WhereBody(file=name, line=problem.line, key=problem.key, message=problem.message, advice=problem.advice)


def answer(body: ProblemBody, headers: dict[str, str] | None = None) -> JSONResponse:
    """As it goes over the wire."""
    return JSONResponse(body.model_dump(), body.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every error of ours answered like this. A bug is none of them: it is logged, and 500 is all that is said."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(VoxgateError, _voxgate_error)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)


async def _api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101  registered for it
    return answer(ProblemBody(title=error.title, status=error.status, advice=error.advice), error.headers)


async def _voxgate_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VoxgateError)  # noqa: S101  registered for it
    return answer(*problem_of(error))


def problem_of(error: VoxgateError) -> tuple[ProblemBody, dict[str, str]]:
    """What is told of an error of ours, and the headers that belong to it."""
    headers: dict[str, str] = {}
    match error:
        case ConfigError():
            body = configuration(error)
        case TooManyError():
            body = ProblemBody(title="too many attempts", status=429, advice="wait")
            headers = {"Retry-After": str(math.ceil(error.wait_s))}
        case RefusedError():
            body, headers = ProblemBody(title=str(error), status=401), {"WWW-Authenticate": "Bearer"}
        case StaleError():
            body = sentence(error, 412)
        case DangerError():
            words = "; ".join(error.dangers)
            body = ProblemBody(title="it needs your word", status=409, detail=words, advice="repeat with yes=true")
        case UsageError():
            body = sentence(error, 409)
        case MissingError():
            body = ProblemBody(title=error.reason, status=404, advice=error.advice)
        case HostError() | EngineError():
            body, headers = ProblemBody(title=error.reason, status=503, advice=error.advice), _SOON
        case _:
            body, headers = sentence(error, 503), _SOON
    return body, headers


def configuration(error: ConfigError) -> ProblemBody:
    """Every mistake at once."""
    found = [where(problem) for problem in error.problems]
    words = f"the configuration has {len(found)} {'mistake' if len(found) == 1 else 'mistakes'}"
    return ProblemBody(title=words, status=422, detail="nothing was changed", problems=found)


def sentence(error: VoxgateError, status: int) -> ProblemBody:
    """Our errors' texts: a sentence, and indented below it what to do."""
    first, _, rest = str(error).partition("\n")
    return ProblemBody(title=first, status=status, advice=" ".join(rest.split()))


def one_line(error: VoxgateError) -> str:
    """The same beside a field of a form."""
    return " ".join(str(error).split())


async def _wrong_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for it
    found = [_mistake(one) for one in error.errors()[:50]]
    return answer(ProblemBody(title="the request is not as it should be", status=422, problems=found))


def _mistake(detail: dict[str, Any]) -> WhereBody:
    kind, *path = [str(part)[:100] for part in detail.get("loc", ())] or ["request"]
    message = str(detail.get("msg", ""))[:300]
    return WhereBody(file=kind, line=0, key=".".join(path), message=message, advice="see /api/v1/openapi.json")


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it
    title = str(error.detail or HTTPStatus(error.status_code).phrase)
    return answer(ProblemBody(title=title, status=error.status_code), dict(error.headers or {}))


async def _bug(_: Request, __: Exception) -> JSONResponse:
    return answer(ProblemBody(title="a mistake of Voxgate's own", status=500, advice="see the log, and tell us"))
