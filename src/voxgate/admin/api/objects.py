"""`/api/v1/pbxs`, `/trunks`, `/trunks/NAME/numbers`: single things of the configuration, each with its ETag."""

from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel

from voxgate.admin.api.editing import Asked, Outcome, read, remove_one, set_one, tagged
from voxgate.admin.api.paging import Paging, Piece
from voxgate.admin.auth import Around, Operator, Reader
from voxgate.admin.problems import ApiError
from voxgate.admin.surroundings import Surroundings
from voxgate.config.document import Keys
from voxgate.config.raw import etag, missing, place_of, plain, value_at
from voxgate.wire.admin_request import Path as KeyPath

router = APIRouter()

Name = Annotated[str, Path(pattern="^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
Number = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[^/\x00-\x1f\x7f]+$")]


class Thing(BaseModel):
    """One of them as it is written; a secret is `{"$secret": name}`."""

    name: str
    value: Any
    etag: str
    file: str
    line: int


def _thing(root: Keys, key: KeyPath) -> Thing:
    value = value_at(plain(root), key)
    if missing(value):
        raise ApiError(404, f"there is no {'.'.join(map(str, key))}")
    place = place_of(root, key)
    file, line = (PurePath(place.file).name, place.line) if place else ("", 0)
    return Thing(name=str(key[-1]), value=value, etag=etag(value), file=file, line=line)


async def _listed(around: Surroundings, key: KeyPath, paging: Paging) -> Piece:
    _sources, root = await read(around)
    found = value_at(plain(root), key)
    if missing(found) or not isinstance(found, dict):
        found = {}
    # Where each stands is looked up for those alone that are shown.
    piece = paging.of([{"name": name, "value": value} for name, value in found.items()])
    piece.items = [_thing(root, (*key, one["name"])).model_dump() for one in piece.items]
    return piece


async def _one(around: Surroundings, key: KeyPath, response: Response) -> Thing:
    _sources, root = await read(around)
    thing = _thing(root, key)
    tagged(response, thing.value)
    return thing


async def _gone(around: Surroundings, who: str, key: KeyPath, how: Asked, response: Response) -> Outcome:
    _sources, root = await read(around)
    _thing(root, key)
    return await remove_one(around, who, key, how=how, response=response)


@router.get("/pbxs", operation_id="list_pbxs")
async def list_pbxs(_: Reader, around: Around, paging: Paging) -> Piece:
    """All PBXs."""
    return await _listed(around, ("pbxs",), paging)


@router.get("/pbxs/{name}", operation_id="get_pbx")
async def get_pbx(name: Name, _: Reader, around: Around, response: Response) -> Thing:
    """One PBX."""
    return await _one(around, ("pbxs", name), response)


@router.put("/pbxs/{name}", operation_id="put_pbx", openapi_extra={"x-model": "Pbx"})
async def put_pbx(
    *,
    name: Name,
    value: Annotated[dict[str, Any], Body()],
    caller: Operator,
    around: Around,
    how: Asked,
    response: Response,
) -> Outcome:
    """Add a PBX (If-None-Match: *) or change one (If-Match)."""
    return await set_one(around, caller.who, ("pbxs", name), value, how=how, response=response)


@router.delete("/pbxs/{name}", operation_id="remove_pbx")
async def remove_pbx(name: Name, caller: Operator, around: Around, how: Asked, response: Response) -> Outcome:
    """Remove a PBX."""
    return await _gone(around, caller.who, ("pbxs", name), how, response)


@router.get("/trunks", operation_id="list_trunks")
async def list_trunks(_: Reader, around: Around, paging: Paging) -> Piece:
    """All trunks."""
    return await _listed(around, ("trunks",), paging)


@router.get("/trunks/{name}", operation_id="get_trunk")
async def get_trunk(name: Name, _: Reader, around: Around, response: Response) -> Thing:
    """One trunk."""
    return await _one(around, ("trunks", name), response)


@router.put("/trunks/{name}", operation_id="put_trunk", openapi_extra={"x-model": "Trunk"})
async def put_trunk(
    *,
    name: Name,
    value: Annotated[dict[str, Any], Body()],
    caller: Operator,
    around: Around,
    how: Asked,
    response: Response,
) -> Outcome:
    """Add a trunk (If-None-Match: *) or change one (If-Match)."""
    return await set_one(around, caller.who, ("trunks", name), value, how=how, response=response)


@router.delete("/trunks/{name}", operation_id="remove_trunk")
async def remove_trunk(name: Name, caller: Operator, around: Around, how: Asked, response: Response) -> Outcome:
    """Remove a trunk."""
    return await _gone(around, caller.who, ("trunks", name), how, response)


@router.get("/trunks/{name}/numbers", operation_id="list_numbers")
async def list_numbers(name: Name, _: Reader, around: Around, paging: Paging) -> Piece:
    """Which number of a trunk leads to which PBX."""
    return await _listed(around, ("trunks", name, "dids"), paging)


@router.get("/trunks/{name}/numbers/{number}", operation_id="get_number")
async def get_number(name: Name, number: Number, _: Reader, around: Around, response: Response) -> Thing:
    """Where one number leads."""
    return await _one(around, ("trunks", name, "dids", number), response)


@router.put("/trunks/{name}/numbers/{number}", operation_id="put_number")
async def put_number(
    *,
    name: Name,
    number: Number,
    value: Annotated[str | dict[str, Any], Body()],
    caller: Operator,
    around: Around,
    how: Asked,
    response: Response,
) -> Outcome:
    """Lead a number to a PBX: its short name, or an object."""
    _sources, root = await read(around)
    _thing(root, ("trunks", name))
    return await set_one(around, caller.who, ("trunks", name, "dids", number), value, how=how, response=response)


@router.delete("/trunks/{name}/numbers/{number}", operation_id="remove_number")
async def remove_number(
    *, name: Name, number: Number, caller: Operator, around: Around, how: Asked, response: Response
) -> Outcome:
    """Forget a number."""
    return await _gone(around, caller.who, ("trunks", name, "dids", number), how, response)
