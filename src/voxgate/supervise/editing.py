"""Changes of the configuration's files, by the operator's own path: checked whole, planned, applied, recorded.

What is dear (reading a thousand PBXs, rendering every engine) is done in a thread: the edge's loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import difflib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from voxgate.config.edits import edited
from voxgate.config.load import Source
from voxgate.config.raw import etag, etag_of_files, plain, tree, value_at
from voxgate.errors import ExitCode, UsageError
from voxgate.plan.history import loadable, put_back, read_sources, saved, way_back
from voxgate.supervise.control import Caller, Told
from voxgate.supervise.outcome import plan_told
from voxgate.supervise.verbs import Operations, Wish

if TYPE_CHECKING:
    from voxgate.config.load import Loaded
    from voxgate.plan.diff import Plan
    from voxgate.wire.admin_request import EditRequest, Path


class StaleError(UsageError):
    """Somebody else has changed it meanwhile."""


class DangerError(UsageError):
    """It needs a word that was not given; `dangers` are why."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"{plan}\n\nNothing was changed. Repeat with --yes if this is what you want.")
        self.dangers = plan.dangers


class EditingOperations(Operations):
    """All verbs, and those that change the files."""

    async def edit(self, request: EditRequest, caller: Caller) -> Told:
        """Change the files and make them effective; on failure they are as they were.

        Raises ConfigError with every mistake, StaleError, DangerError, UsageError for a key that has no place.
        """
        async with self._only_one():
            on_disk = read_sources(self.main)
            sources = loadable(self.main, on_disk)
            if request.match is not None and request.match != etag_at(sources, request.at):
                raise StaleError("somebody has changed it meanwhile\n    look at it again, then repeat your change")
            wanted = await asyncio.to_thread(_wanted, sources, request)
            loaded = await asyncio.to_thread(self._reading.load_sources, self.main, wanted)
            await self._prepare(loaded.config)
            plan = await asyncio.to_thread(self._plan, loaded)
            if request.dry:
                return _foretold(plan, loaded, sources, request.at)
            if plan.dangers and not request.yes:
                raise DangerError(plan)
            put_back(self.main, way_back(self.main, saved(self.main, wanted), on_disk))
            told = await self._fulfil(Wish(loaded, plan, "edit", caller.by), caller)
            if told.exit_code is not ExitCode.GOOD:
                put_back(self.main, way_back(self.main, on_disk, read_sources(self.main)))
                return told
            return Told({**told.data, "etag": etag_at(wanted, request.at)}, told.text)


def etag_at(sources: tuple[Source, ...], at: Path) -> str:
    """The ETag of what stands at `at`; of the files themselves for nothing. Raises ConfigError."""
    return etag(value_at(plain(tree(sources)), at)) if at else etag_of_files(sources)


def _wanted(sources: tuple[Source, ...], request: EditRequest) -> tuple[Source, ...]:
    if request.files is None:
        return edited(sources, request.changes)
    main = sources[0].path
    folder = PurePosixPath(main).parent
    named = [(PurePosixPath(path), text) for path, text in request.files.items()]
    for path, _ in named:
        good = str(folder / path) == main or (path.parent == PurePosixPath("conf.d") and path.suffix == ".yaml")
        if not good or path.is_absolute() or len(path.parts) > 2 or ".." in path.parts or "\0" in str(path):
            raise UsageError(
                f"`{str(path)[:100]}` is no file of the configuration\n    the main file, or conf.d/*.yaml"
            )
    found = sorted(
        (Source(str(folder / path), text) for path, text in named), key=lambda one: (one.path != main, one.path)
    )
    if not found or found[0].path != main:
        raise UsageError(f"the main file is missing\n    give {PurePosixPath(main).name}")
    return edited(tuple(found), request.changes)


def _foretold(plan: Plan, loaded: Loaded, before: tuple[Source, ...], at: Path) -> Told:
    told = plan_told(plan, with_diff=True)
    warnings = [str(warning) for warning in loaded.warnings]
    changes = files_diff(before, loaded.sources)
    data = {**told.data, "etag": etag_at(before, at), "warnings": warnings, "yaml_diff": changes}
    return Told(data, "\n\n".join((told.text, changes)).strip())


def files_diff(before: tuple[Source, ...], after: tuple[Source, ...]) -> str:
    """The files' differences as text."""
    olds, news = ({one.path: one.text for one in side} for side in (before, after))
    lines: list[str] = []
    for path in dict.fromkeys((*olds, *news)):
        name = PurePosixPath(path).name
        old, new = (side.get(path, "").splitlines(keepends=True) for side in (olds, news))
        lines += difflib.unified_diff(old, new, f"{name} now", f"{name} then")
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)
