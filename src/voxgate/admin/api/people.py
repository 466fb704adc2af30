"""`/api/v1/users`: who logs in."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from voxgate.admin import passwords
from voxgate.admin.access import Access, require_name
from voxgate.admin.auth import Administrator, Door
from voxgate.admin.problems import ApiError
from voxgate.admin.roles import Role

router = APIRouter()

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]


class Person(BaseModel):
    """A user as he is to be."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    password: Annotated[str, Field(min_length=passwords.SHORTEST, max_length=passwords.LONGEST)]


@router.get("/users", operation_id="list_users")
async def list_users(_: Administrator, door: Door) -> list[dict[str, Any]]:
    """All users and their roles."""
    return [{"name": one.name, "role": one.role} for one in door.access.now().users]


@router.put("/users/{name}", status_code=204, operation_id="put_user")
async def put_user(name: Name, person: Person, caller: Administrator, door: Door) -> None:
    """Add a user, or give him another password and role; his sessions end."""
    passwords.require_good(person.password, require_name(name))
    await door.set_password(name, person.role, person.password)
    door.audit.write(caller.who, "user.set", name, address=caller.address, detail=person.role)


@router.delete("/users/{name}", status_code=204, operation_id="remove_user")
async def remove_user(name: Name, caller: Administrator, door: Door) -> None:
    """Remove a user; his sessions end."""
    if door.access.now().user(name) is None:
        raise ApiError(404, "there is no such user")

    def change(access: Access) -> tuple[Access, None]:
        return access.without_user(name), None

    door.access.change(change)
    door.sessions.end_of(name)
    door.audit.write(caller.who, "user.remove", name, address=caller.address)
