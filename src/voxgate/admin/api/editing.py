"""How every change of the configuration is asked for.

`If-Match` brings the ETag under which the value was read: whoever changed it meanwhile is not overwritten. Something
new is made with `If-None-Match: *`. `dry_run=true` tells what would be done; `yes=true` is the word for dangers.
"""

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Response
from pydantic import BaseModel, Field

from voxgate.admin.problems import ApiError
from voxgate.admin.surroundings import Surroundings
from voxgate.config.document import Keys
from voxgate.config.load import Source, read_sources
from voxgate.config.raw import etag, tree
from voxgate.errors import ExitCode
from voxgate.wire.admin_request import Change, EditRequest, Path

NOTHING = "none"


class Outcome(BaseModel):
    """What was done, or would be: `result` applied | nothing | planned."""

    result: str
    generation: int | None = None
    etag: str | None = None
    plan: dict[str, Any] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    yaml_diff: str = ""


class How:
    """What the request says about how."""

    def __init__(
        self,
        if_match: Annotated[str | None, Header(max_length=100)] = None,
        if_none_match: Annotated[str | None, Header(max_length=100)] = None,
        dry_run: Annotated[bool, Query()] = False,
        yes: Annotated[bool, Query()] = False,
    ) -> None:
        self.if_match = if_match
        self.if_none_match = if_none_match
        self.dry = dry_run
        self.yes = yes

    def match(self) -> str | None:
        """The ETag that must still hold. Raises ApiError when nothing is said about it."""
        if self.if_none_match is not None:
            if self.if_none_match.strip() != "*":
                raise ApiError(400, "If-None-Match is for what is not there yet", "send If-None-Match: *")
            return NOTHING
        if self.if_match is None:
            raise ApiError(428, "which version is to be changed?", "send If-Match with the ETag you have read")
        if self.if_match.strip() == "*":
            return None
        return self.if_match.strip().removeprefix("W/").strip('"')


Asked = Annotated[How, Depends()]


async def edit(around: Surroundings, who: str, request: EditRequest, response: Response, failed: int = 503) -> Outcome:
    """Have the edge carry it out. Raises VoxgateError, ApiError when the engines would not take it."""
    told = await around.desk.ask(request, who)
    if told.exit_code is not ExitCode.GOOD:
        reason = str(told.data.get("reason") or told.text.partition("\n")[0])
        raise ApiError(failed, f"not applied: {reason}", "the former generation runs on")
    found = told.data.get("etag")
    if isinstance(found, str):
        response.headers["ETag"] = f'"{found}"'
    plan = told.data.get("plan", told.data)
    return Outcome(
        result="planned" if request.dry else "nothing" if "result" not in told.data else "applied",
        generation=told.data.get("generation"),  # type: ignore[arg-type]
        etag=found if isinstance(found, str) else None,
        plan={key: plan[key] for key in ("changes", "steps", "dangers") if key in plan}
        if isinstance(plan, dict)
        else {},
        warnings=told.data.get("warnings", []),  # type: ignore[arg-type]
        yaml_diff=told.data.get("yaml_diff", ""),  # type: ignore[arg-type]
    )


async def set_one(around: Surroundings, who: str, key: Path, value: Any, *, how: How, response: Response) -> Outcome:
    """Set the value at `key`."""
    changes = (Change(key, value),)
    return await edit(around, who, EditRequest(changes, how.match(), key, how.dry, how.yes), response)


async def remove_one(around: Surroundings, who: str, key: Path, *, how: How, response: Response) -> Outcome:
    """Remove it."""
    changes = (Change(key, remove=True),)
    return await edit(around, who, EditRequest(changes, how.match(), key, how.dry, how.yes), response)


async def read(around: Surroundings) -> tuple[tuple[Source, ...], Keys]:
    """The files as they lie there, and what they say. Raises ConfigError."""

    def both() -> tuple[tuple[Source, ...], Keys]:
        sources = read_sources(around.main())
        return sources, tree(sources)

    return await asyncio.to_thread(both)


def tagged(response: Response, value: Any) -> str:
    """The ETag of `value`, which the answer tells, too."""
    found = etag(value)
    response.headers["ETag"] = f'"{found}"'
    return found
