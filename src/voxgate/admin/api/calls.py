"""`/api/v1/calls/live`, `/trace`, `/explain`: calls as they run, as they were, and why."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from voxgate.admin.auth import Around, Reader
from voxgate.admin.problems import ApiError, sentence
from voxgate.admin.surroundings import Surroundings
from voxgate.errors import UsageError
from voxgate.wire.admin_request import LogsRequest
from voxgate.wire.records_request import RecordsAction, RecordsRequest

router = APIRouter()

Text = Annotated[str, Query(max_length=128)]
Subject = Annotated[str, Query(min_length=1, max_length=256)]


class Sends(BaseModel):
    """What a party sends: packets that came, how well the other party receives them; null where nobody reports.

    `measured` is `receiver` where the other party reports, `edge` where the sender alone counts (RTCP).
    """

    packets: int
    lost_percent: float | None
    jitter_ms: float | None
    mos: float | None
    mos_lowest: float | None
    source: str
    lost_before_percent: float | None
    measured: str


class Caller(BaseModel):
    """Who calls; texts are what a stranger wrote."""

    number: str
    name: str
    uri: str
    address: str
    transport: str
    user_agent: str
    encryption: str
    sends: Sends


class Callee(BaseModel):
    """Who is called."""

    number: str
    uri: str
    address: str
    encryption: str
    sends: Sends


class LiveCall(BaseModel):
    """One call with both of its legs; `state` is open while it rings, or answered."""

    call_id: str
    state: str
    direction: str
    pbx: str
    trunk: str
    start: str
    progress: str | None
    answer: str | None
    codec: str
    caller: Caller
    callee: Callee


class LiveCalls(BaseModel):
    """The newest first; `total` is how many there are."""

    calls: list[LiveCall]
    total: int


class Message(BaseModel):
    """One SIP message: `sender` and `receiver` are columns of the ladder, `text` is the message without its secrets."""

    at: str
    source: str
    target: str
    sender: str
    receiver: str
    transport: str
    title: str
    text: str


class Trace(BaseModel):
    """A call as a ladder: its columns from left to right, and its messages in their order."""

    call_id: str
    parties: list[str]
    messages: list[Message]


class Finding(BaseModel):
    """One cause, with its cure: `name` for programs, `weight` up to 100."""

    name: str
    weight: int
    cause: str
    cure: str


class Verdict(BaseModel):
    """`text` is the paragraph; the strongest finding comes first. `record` is the call that it is about, if any."""

    subject: str
    text: str
    findings: list[Finding]
    record: dict[str, Any] | None


@router.get("/calls/live", operation_id="list_live_calls")
async def live(
    *,
    caller: Reader,
    around: Around,
    pbx: Text = "",
    trunk: Text = "",
    number: Text = "",
    source: Text = "",
    direction: Text = "",
    state: Text = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> LiveCalls:
    """Calls that ring or run, with what each party sends at this moment (of the newest 100; others: of late)."""
    conditions = ("", "", pbx, trunk, number, source, direction, state)
    request = RecordsRequest(RecordsAction.LIVE, *conditions, limit=limit)
    return LiveCalls.model_validate(await told(around, request, caller.who))


@router.get("/trace", operation_id="trace")
async def trace(caller: Reader, around: Around, call: Subject) -> Trace:
    """The SIP of a call, both sides of the edge, decrypted: `call` is a Call-ID, or the number of a record."""
    return Trace.model_validate(await told(around, RecordsRequest(RecordsAction.TRACE, subject=call), caller.who))


@router.get("/explain", operation_id="explain")
async def explain(caller: Reader, around: Around, subject: Subject) -> Verdict:
    """Why: of a call (Call-ID, number of a record), a user, or an address."""
    return Verdict.model_validate(
        await told(around, RecordsRequest(RecordsAction.EXPLAIN, subject=subject), caller.who)
    )


async def told(around: Surroundings, request: RecordsRequest | LogsRequest, who: str) -> dict[str, Any]:
    """The answer's data. Raises ApiError where the question is none."""
    try:
        return (await around.desk.ask(request, who)).data
    except UsageError as error:
        body = sentence(error, 422)
        raise ApiError(body.status, body.title, body.advice) from error
