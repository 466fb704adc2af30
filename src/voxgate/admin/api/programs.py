"""`/api/v1/tokens`: which programs may ask."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from voxgate.admin import tokens
from voxgate.admin.access import Access, Token
from voxgate.admin.auth import Administrator, Around, Door
from voxgate.admin.problems import ApiError
from voxgate.admin.roles import Role

router = APIRouter()


class Wish(BaseModel):
    """A token to be made; `days` null: it is good until it is removed."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
    role: Role
    days: Annotated[int, Field(ge=1, le=tokens.LONGEST_DAYS)] | None = None


class Made(BaseModel):
    """A new token: `token` is told this once."""

    id: str
    token: str


@router.get("/tokens", operation_id="list_tokens")
async def list_tokens(_: Administrator, door: Door) -> list[dict[str, Any]]:
    """All tokens, without what makes them work."""
    return [one.data() for one in door.access.now().tokens]


@router.post("/tokens", status_code=201, operation_id="add_token")
async def add_token(wish: Wish, caller: Administrator, door: Door, around: Around) -> Made:
    """Make a token."""
    token, made = Token.new(wish.name, wish.role, wish.days, around.clock.wall().timestamp(), around.random)
    door.access.change(lambda access: (access.with_token(made), None))
    door.audit.write(caller.who, "token.add", wish.name, address=caller.address, detail=f"{made.id} {wish.role}")
    return Made(id=made.id, token=token)


@router.delete("/tokens/{token_id}", status_code=204, operation_id="remove_token")
async def remove_token(
    token_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$")], caller: Administrator, door: Door
) -> None:
    """Take a token back; it is refused from the next request on."""
    if door.access.now().token(token_id) is None:
        raise ApiError(404, "there is no such token")

    def change(access: Access) -> tuple[Access, None]:
        return access.without_token(token_id), None

    door.access.change(change)
    door.audit.write(caller.who, "token.remove", token_id, address=caller.address)
