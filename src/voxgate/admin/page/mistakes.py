"""Errors as a page: what is wrong, what to do, and the way back."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from voxgate.admin.auth import caller_of
from voxgate.admin.page import frame
from voxgate.admin.page.visitors import NotLoggedInError, log_in_address
from voxgate.admin.problems import ApiError, ProblemBody, problem_of
from voxgate.errors import VoxgateError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request


def install(app: FastAPI) -> None:
    """Have every error answered like this. A bug is logged, and nothing more is said."""
    app.add_exception_handler(NotLoggedInError, _log_in)
    for kind in (ApiError, VoxgateError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _mistake)


async def _log_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotLoggedInError)  # noqa: S101  registered for it
    address = log_in_address(error.back)
    if "HX-Request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


async def _mistake(request: Request, error: Exception) -> Response:
    body, headers = problem(error)
    try:
        caller = caller_of(request)
    except VoxgateError:
        caller = None
    template = "_mistake.html" if "HX-Request" in request.headers else "mistake.html"
    answer = frame.page(
        request, caller, template, status=body.status, title=HTTPStatus(body.status).phrase, problem=body
    )
    answer.headers.update(headers)
    return answer


def problem(error: Exception) -> tuple[ProblemBody, dict[str, str]]:
    """What is told of an error, and the headers that belong to it."""
    match error:
        case ApiError():
            return ProblemBody(title=error.title, status=error.status, advice=error.advice), error.headers
        case VoxgateError():
            return problem_of(error)
        case RequestValidationError():
            return ProblemBody(
                title="there is no such page", status=404, detail="the address is not as it should be"
            ), {}
        case HTTPException(status_code=404):
            return ProblemBody(title="there is no such page", status=404), {}
        case HTTPException():
            words = str(error.detail or HTTPStatus(error.status_code).phrase)
            return ProblemBody(title=words, status=error.status_code), dict(error.headers or {})
        case _:
            words = "a mistake of Voxgate's own"
            return ProblemBody(title=words, status=500, advice="see the log, and tell us"), {}
