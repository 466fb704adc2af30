"""`/api/v1/bans`, `/whitelist`, `/evidence`: who is shut out, who never is, and why."""

from ipaddress import ip_network
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voxgate.admin.api.paging import Paging, Piece
from voxgate.admin.auth import Around, Operator, Reader
from voxgate.wire.guard_request import GuardAction, GuardRequest

router = APIRouter()


def _network(text: str) -> str:
    ip_network(text, strict=False)
    return text


Network = Annotated[str, Query(max_length=60), AfterValidator(_network)]
NetworkField = Annotated[str, Field(max_length=60), AfterValidator(_network)]


class Ban(BaseModel):
    """Whom to shut out; `minutes` null: for good."""

    model_config = ConfigDict(extra="forbid")

    network: NetworkField
    minutes: Annotated[int, Field(ge=1, le=5_256_000)] | None = None
    note: Annotated[str, Field(max_length=200)] = ""


class Friend(BaseModel):
    """Whom never to shut out; `from_ban`: its ban moves to the white list."""

    model_config = ConfigDict(extra="forbid")

    network: NetworkField
    note: Annotated[str, Field(max_length=200)] = ""
    from_ban: bool = False


@router.get("/bans", operation_id="list_bans")
async def list_bans(caller: Reader, around: Around, paging: Paging) -> Piece:
    """Who is shut out, until when and why."""
    return paging.of(_rows((await around.desk.ask(GuardRequest(GuardAction.BANS), caller.who)).data, "bans"))


@router.post("/bans", status_code=201, operation_id="ban")
async def ban(wish: Ban, caller: Operator, around: Around) -> dict[str, Any]:
    """Shut somebody out."""
    request = GuardRequest(GuardAction.BAN, wish.network, wish.minutes, wish.note)
    return (await around.desk.ask(request, caller.who)).data


@router.delete("/bans", operation_id="unban")
async def unban(network: Network, caller: Operator, around: Around) -> dict[str, Any]:
    """Let somebody in again."""
    return (await around.desk.ask(GuardRequest(GuardAction.UNBAN, network), caller.who)).data


@router.get("/whitelist", operation_id="list_allowed")
async def list_allowed(caller: Reader, around: Around, paging: Paging) -> Piece:
    """Who is never shut out."""
    return paging.of(_rows((await around.desk.ask(GuardRequest(GuardAction.BANS), caller.who)).data, "allowed"))


@router.post("/whitelist", status_code=201, operation_id="allow")
async def allow(friend: Friend, caller: Operator, around: Around) -> dict[str, Any]:
    """Never shut somebody out."""
    action = GuardAction.MOVE if friend.from_ban else GuardAction.ALLOW
    return (await around.desk.ask(GuardRequest(action, friend.network, note=friend.note), caller.who)).data


@router.delete("/whitelist", operation_id="disallow")
async def disallow(network: Network, caller: Operator, around: Around) -> dict[str, Any]:
    """Take somebody off the white list."""
    return (await around.desk.ask(GuardRequest(GuardAction.DISALLOW, network), caller.who)).data


@router.get("/evidence", operation_id="why")
async def why(network: Network, caller: Reader, around: Around) -> dict[str, Any]:
    """What somebody did that was suspicious."""
    return (await around.desk.ask(GuardRequest(GuardAction.WHY, network), caller.who)).data


def _rows(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = data[key]
    return rows
