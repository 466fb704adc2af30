"""How everything is: status, health, history, calls, registrations, and who did what."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from voxgate.admin.api.paging import Paging, Piece
from voxgate.admin.auth import Administrator, Around, Door, Reader
from voxgate.wire.control import CallsRequest, HistoryRequest, RegistrationsRequest, StatusRequest

router = APIRouter()


class Health(BaseModel):
    """One word for monitoring: ok, degraded or down."""

    overall: str


@router.get("/health", operation_id="health", responses={503: {"model": Health, "description": "An engine is down"}})
async def health(caller: Reader, around: Around, response: Response) -> Health:
    """200 while every engine serves, 503 otherwise."""
    overall = str((await around.desk.ask(StatusRequest(), caller.who)).data["overall"])
    if overall == "down":
        response.status_code = 503
    return Health(overall=overall)


@router.get("/status", operation_id="status")
async def status(caller: Reader, around: Around) -> dict[str, Any]:
    """What `voxgate status --json` tells: engines, listeners, PBX nodes, trunks, certificates, limits, warnings."""
    return (await around.desk.ask(StatusRequest(), caller.who)).data


class DoctorFinding(BaseModel):
    """What is wrong, why it matters, the cure; `code` never changes its meaning, `grade` is error, warning or note."""

    code: str
    grade: str
    what: str
    why: str
    cure: str


class DoctorReport(BaseModel):
    """What the edge found when it examined itself last; `at` null: it has not yet. `good`: notes at most."""

    at: str | None = None
    good: bool | None = None
    findings: list[DoctorFinding] = []


@router.get("/doctor", operation_id="doctor")
async def doctor(caller: Reader, around: Around) -> DoctorReport:
    """What `voxgate doctor` finds, as the running edge found it last (`doctor.every_hours`)."""
    reports = _list(await around.desk.ask(StatusRequest(), caller.who), "doctor")
    return DoctorReport.model_validate(reports[0] if reports else {})


@router.get("/calls", operation_id="list_calls")
async def calls(caller: Reader, around: Around, paging: Paging) -> Piece:
    """The calls that run."""
    return paging.of(_list(await around.desk.ask(CallsRequest(), caller.who), "calls"))


@router.get("/registrations", operation_id="list_registrations")
async def registrations(caller: Reader, around: Around, paging: Paging) -> Piece:
    """Who is registered through the edge."""
    return paging.of(_list(await around.desk.ask(RegistrationsRequest(), caller.who), "registrations"))


@router.get("/history", operation_id="list_history")
async def history(caller: Reader, around: Around, paging: Paging) -> Piece:
    """All generations of the configuration, the newest first."""
    return paging.of(_list(await around.desk.ask(HistoryRequest(), caller.who), "generations")[::-1])


@router.get("/audit", operation_id="audit_log")
async def audit(
    _: Administrator, door: Door, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """Who did what when, the newest first."""
    return await asyncio.to_thread(door.audit.latest, limit)


def _list(told: Any, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told.data[key]
    return found
