"""`/api/v1/config`: the files as they are, what they say, single sections; secrets; generations and the way back."""

import asyncio
import re
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from voxgate.admin.api.editing import Asked, Outcome, edit, read, remove_one, set_one, tagged
from voxgate.admin.auth import Administrator, Around, Door, Reader
from voxgate.admin.problems import ApiError
from voxgate.admin.surroundings import Surroundings
from voxgate.config.load import Source, read_sources
from voxgate.config.model import Config
from voxgate.config.raw import etag_of_files, plain
from voxgate.host import files
from voxgate.plan.history import History
from voxgate.wire.admin_request import EditRequest
from voxgate.wire.control import RollbackRequest

router = APIRouter()

#: PBXs and trunks have routes of their own.
SECTIONS = tuple(name for name in Config.model_fields if name not in {"pbxs", "trunks"})
Section = Annotated[str, Path(pattern=f"^({'|'.join(SECTIONS)})$")]
SecretName = Annotated[str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
_SECRET_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class File(BaseModel):
    """One file; `path` is relative to the main file's folder."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(max_length=4 << 20)]


class Files(BaseModel):
    """All files of the configuration."""

    model_config = ConfigDict(extra="forbid")

    files: Annotated[list[File], Field(min_length=1, max_length=2000)]


class Whole(Files):
    """The same with what they say; a secret is `{"$secret": name}`."""

    etag: str
    value: dict[str, Any]


class Part(BaseModel):
    """A section as it is written; null when it is not."""

    name: str
    value: Any
    etag: str


class Back(BaseModel):
    """Which generation is to run again; null: the one before. `force`: edits that were never applied may go."""

    model_config = ConfigDict(extra="forbid")

    generation: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    yes: bool = False
    force: bool = False


@router.get("/config", operation_id="get_config")
async def get_config(_: Reader, around: Around, response: Response) -> Whole:
    """The files, and what they say."""
    sources, root = await read(around)
    folder = PurePath(sources[0].path).parent
    found = etag_of_files(sources)
    response.headers["ETag"] = f'"{found}"'
    listed = [File(path=str(PurePath(one.path).relative_to(folder)), text=one.text) for one in sources]
    return Whole(files=listed, etag=found, value=plain(root))


@router.put("/config", operation_id="put_config")
async def put_config(
    *, wanted: Files, caller: Administrator, around: Around, how: Asked, response: Response
) -> Outcome:
    """Replace all files."""
    texts = {file.path: file.text for file in wanted.files}
    request = EditRequest((), how.match(), (), how.dry, how.yes, texts)
    return await edit(around, caller.who, request, response)


@router.get("/config/running", operation_id="running_config")
async def running_config(_: Reader, around: Around) -> dict[str, Any]:
    """What runs, with every default, secrets hidden."""
    return await asyncio.to_thread(around.config().model_dump, mode="json")


@router.get("/config/{section}", operation_id="get_section")
async def get_section(section: Section, _: Reader, around: Around, response: Response) -> Part:
    """One section as it is written."""
    _sources, root = await read(around)
    value = plain(root).get(section)
    return Part(name=section, value=value, etag=tagged(response, value) if section in root.entries else "none")


@router.put("/config/{section}", operation_id="put_section")
async def put_section(
    *,
    section: Section,
    value: Annotated[dict[str, Any], Body()],
    caller: Administrator,
    around: Around,
    how: Asked,
    response: Response,
) -> Outcome:
    """Replace one section; comments in it stay where they can."""
    return await set_one(around, caller.who, (section,), value, how=how, response=response)


@router.delete("/config/{section}", operation_id="remove_section")
async def remove_section(
    section: Section, caller: Administrator, around: Around, how: Asked, response: Response
) -> Outcome:
    """Take a section out: its defaults hold."""
    _sources, root = await read(around)
    if section not in root.entries:
        raise ApiError(404, f"there is no section {section}")
    return await remove_one(around, caller.who, (section,), how=how, response=response)


@router.get("/history/{generation}", operation_id="get_generation")
async def get_generation(generation: Annotated[int, Path(ge=1, le=1_000_000_000)], _: Reader, around: Around) -> Files:
    """The files of one generation."""
    return Files(files=await files_of(around, generation))


async def files_of(around: Surroundings, generation: int) -> list[File]:
    """The same for whoever may look. Raises ApiError where there is no such generation."""
    history = History(around.folder.parent / "generations")
    if generation not in {record.generation for record in await asyncio.to_thread(history.records)}:
        raise ApiError(404, f"there is no generation {generation}", "see GET history")
    found = await asyncio.to_thread(history.sources, generation)
    return [File(path=one.path, text=one.text) for one in found]


async def files_now(around: Surroundings) -> tuple[Source, ...]:
    """The files as they lie there, whatever they say. Raises ConfigError."""
    return await asyncio.to_thread(read_sources, around.main())


@router.post("/rollback", operation_id="rollback")
async def rollback(back: Back, caller: Administrator, around: Around) -> dict[str, Any]:
    """Make an earlier generation effective again; the files are put back, too."""
    told = await around.desk.ask(RollbackRequest(back.generation, back.yes, back.force), caller.who)
    if told.exit_code:
        raise ApiError(503, f"not applied: {told.data.get('reason', '')}", "the former generation runs on")
    return told.data


@router.get("/secrets", operation_id="list_secrets")
async def list_secrets(_: Administrator, around: Around) -> list[str]:
    """The names of the secrets beside the configuration. Their values are told to nobody."""
    folder = around.main().parent / "secrets"

    def names() -> list[str]:
        return (
            sorted(one.name for one in folder.iterdir() if _SECRET_NAME.fullmatch(one.name)) if folder.is_dir() else []
        )

    return await asyncio.to_thread(names)


@router.put("/secrets/{name}", status_code=204, operation_id="put_secret")
async def put_secret(
    *,
    name: SecretName,
    value: Annotated[str, Body(embed=True, min_length=1, max_length=4096, pattern=r"^[^\r\n\x00]+$")],
    caller: Administrator,
    around: Around,
    door: Door,
) -> None:
    """Keep a secret for `!secret NAME`. It is effective with the next change that is applied."""
    folder = around.main().parent / "secrets"

    def keep() -> None:
        if not folder.exists():
            files.ensure_folder(folder, mode=0o700)
        files.write(folder / name, value.encode("utf-8", "surrogatepass"), mode=0o600)

    await asyncio.to_thread(keep)
    door.audit.write(caller.who, "secret.set", name, address=caller.address)


@router.delete("/secrets/{name}", status_code=204, operation_id="remove_secret")
async def remove_secret(name: SecretName, caller: Administrator, around: Around, door: Door) -> None:
    """Forget a secret."""
    if not await asyncio.to_thread(files.remove, around.main().parent / "secrets" / name):
        raise ApiError(404, "there is no such secret")
    door.audit.write(caller.who, "secret.remove", name, address=caller.address)
