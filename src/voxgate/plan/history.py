"""Generations: what was applied when, and the way back.

Plain files, readable with `less` and restored with `cp`:

    generations/000012/sources/      the configuration's files, paths relative to the main file's folder
    generations/000012/plan.txt      the plan as it was printed
    generations/000012/meta.json     number, time, who, verb, summary, outcome (see `Record`)

A generation is recorded before anything is touched, so that a number is never given twice. `meta.json` is
written last: a folder without it is what a crash left, and nobody reads it.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.config.load import Source
from voxgate.errors import HostError, UsageError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger(__name__)

#: A hundred edits of a small file; `rollback` is for the last few.
KEPT = 100


class Outcome(Enum):
    """What became of a generation."""

    STARTED = "started"  # being applied; or Voxgate ended meanwhile
    APPLIED = "applied"
    FAILED = "failed"  # refused before anything was touched
    ROLLED_BACK = "rolled-back"  # touched, then everything was put back
    BROKEN = "broken"  # touched, and not everything could be put back
    SAVED = "saved"  # never applied: edits kept before a rollback


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One file of the configuration; `path` is relative to the main file's folder, with `/`."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """One generation. `time` is aware, UTC; `by` is the user's name; `reason` says why it failed."""

    generation: int
    time: datetime
    by: str
    verb: str
    summary: str
    outcome: Outcome
    reason: str = ""

    def to_json(self) -> dict[str, object]:
        """`{"generation", "time": RFC 3339 UTC, "by", "verb", "summary", "outcome", "reason"}`."""
        return {
            "generation": self.generation,
            "time": self.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": self.by,
            "verb": self.verb,
            "summary": self.summary,
            "outcome": self.outcome.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class WayBack:
    """What must be done to the configuration's files so that they are an earlier generation's."""

    write: tuple[SavedFile, ...]
    remove: tuple[str, ...]


def saved(main: Path, sources: Iterable[Source]) -> tuple[SavedFile, ...]:
    """The files that a configuration was loaded from, as the history keeps them."""
    return tuple(SavedFile(_relative(main, Path(source.path)), source.text) for source in sources)


def loadable(main: Path, saved_files: Iterable[SavedFile]) -> tuple[Source, ...]:
    """The same the other way round: as if `files` lay in the main file's folder now."""
    return tuple(Source(str(main.parent / file.path), file.text) for file in _named(main, saved_files))


def way_back(main: Path, wanted: Iterable[SavedFile], on_disk: Iterable[SavedFile]) -> WayBack:
    """The files to write and to remove; the main file may have had another name then. Pure."""
    targets, present = ({one.path: one for one in side} for side in (_named(main, wanted), on_disk))
    write = tuple(file for path, file in targets.items() if present.get(path) != file)
    return WayBack(write, tuple(path for path in present if path not in targets))


def read_sources(main: Path) -> tuple[SavedFile, ...]:
    """The configuration's files as they lie on disk, whether or not they are valid. Raises HostError."""
    paths = [main, *sorted(main.parent.glob("conf.d/*.yaml"))]
    return tuple(SavedFile(_relative(main, path), _text(path)) for path in paths)


def put_back(main: Path, way: WayBack) -> None:
    """Carry out `way` in the main file's folder, removals last. Raises HostError."""
    for file in way.write:
        target = main.parent / file.path
        if not target.parent.exists():
            files.ensure_folder(target.parent, mode=0o755)
        # The operator's own rights stay; a new file is nobody else's business.
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        files.write(target, _bytes(file.text), mode=mode)
    for path in way.remove:
        files.remove(main.parent / path)


class History:
    """The generations in one folder, which this object alone writes. All methods raise HostError."""

    def __init__(self, folder: Path, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept

    def records(self) -> tuple[Record, ...]:
        """All readable generations, oldest first."""
        found = (self._record(number) for number in self._numbers())
        return tuple(record for record in found if record)

    def next_generation(self) -> int:
        """A number that no generation ever had."""
        return max(self._numbers(), default=0) + 1

    def sources(self, generation: int) -> tuple[SavedFile, ...]:
        """The files of one generation. Raises UsageError when there is none of that number."""
        folder = self._path(generation) / "sources"
        if generation not in self._numbers() or not folder.is_dir():
            known = [record.generation for record in self.records()]
            advice = f"known: {known[0]} to {known[-1]}" if known else "nothing was applied yet"
            raise UsageError(f"there is no generation {generation}\n    {advice}, see `voxgate history`")
        paths = (path for path in folder.rglob("*") if path.is_file())
        found = (SavedFile(path.relative_to(folder).as_posix(), _text(path)) for path in paths)
        # The order in which they are loaded: the main file first.
        return tuple(sorted(found, key=lambda file: ("/" in file.path, file.path)))

    def running(self) -> Record | None:
        """The newest generation that was applied wholly: the one that runs, if anything does."""
        return next((r for r in reversed(self.records()) if r.outcome is Outcome.APPLIED), None)

    def before(self, generation: int) -> Record | None:
        """The applied generation before this one: where `rollback` without a number leads."""
        older = (r for r in reversed(self.records()) if r.generation < generation)
        return next((r for r in older if r.outcome is Outcome.APPLIED), None)

    def begin(self, record: Record, sources: Iterable[SavedFile], plan_text: str) -> None:
        """Keep a generation, then forget the oldest ones beyond the limit, never the running one."""
        folder = self._path(record.generation)
        for owned in (self._folder, folder, folder / "sources"):
            files.ensure_folder(owned, mode=0o700)
        for source in sources:
            target = folder / "sources" / source.path
            files.ensure_folder(target.parent, mode=0o700)
            files.write(target, _bytes(source.text), mode=0o600)
        files.write(folder / "plan.txt", plan_text.encode(), mode=0o600)
        files.write(folder / "meta.json", _meta(record), mode=0o600)
        self._prune()

    def finish(self, generation: int, outcome: Outcome, reason: str = "") -> None:
        """Say what became of a generation."""
        record = self._record(generation)
        if record:
            data = _meta(replace(record, outcome=outcome, reason=reason))
            files.write(self._path(generation) / "meta.json", data, mode=0o600)

    def renumber(self, generation: int, number: int) -> None:
        """The same files run under another number: the world around them changed, nobody edited them."""
        with suppress(FileNotFoundError):
            self._path(generation).rename(self._path(number))

    def _prune(self) -> None:
        running = self.running()
        for number in self._numbers()[: -self._kept]:
            if running is None or number != running.generation:
                shutil.rmtree(self._path(number), ignore_errors=True)

    def _path(self, generation: int) -> Path:
        return self._folder / f"{generation:06}"

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return sorted(int(entry.name) for entry in self._folder.iterdir() if entry.name.isdecimal())

    def _record(self, generation: int) -> Record | None:
        meta = self._path(generation) / "meta.json"
        if not meta.exists():
            return None
        try:
            fields = json.loads(files.read(meta))
            return Record(
                generation,
                datetime.fromisoformat(fields["time"]),
                fields["by"],
                fields["verb"],
                fields["summary"],
                Outcome(fields["outcome"]),
                fields["reason"],
            )
        except (HostError, ValueError, KeyError, TypeError):
            # A hand was in the folder: the other generations are as good as before.
            log.warning("history_unreadable generation=%d", generation)
            return None


def _relative(main: Path, file: Path) -> str:
    return file.relative_to(main.parent).as_posix()


def _named(main: Path, saved_files: Iterable[SavedFile]) -> tuple[SavedFile, ...]:
    """The only file outside any folder is the main one, whatever it was called then."""
    return tuple(file if "/" in file.path else SavedFile(main.name, file.text) for file in saved_files)


def _meta(record: Record) -> bytes:
    return json.dumps(record.to_json(), indent=1).encode() + b"\n"


def _text(path: Path) -> str:
    """A file's text without a byte lost, whatever it holds: a broken file is kept as well."""
    return files.read(path).decode("utf-8-sig", errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
