"""A backup back in its place: verified beside what is there, which is then kept aside; all of it, or nothing.

What is to come is first written to `.restoring` in both folders. Then what is there moves to `before-restore/TIME`,
and the new takes its place, by renaming alone; when a step fails, everything moves back.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voxgate.backup.archive import opened
from voxgate.backup.contents import config_files
from voxgate.backup.manifest import ASIDE, STAGING, damaged
from voxgate.config import raw
from voxgate.config.load import load, read_sources
from voxgate.errors import ConfigError, HostError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from voxgate.backup.archive import Reader
    from voxgate.backup.contents import Scope
    from voxgate.backup.manifest import Entry, Manifest
    from voxgate.errors import Problem

#: What must be free beyond the files themselves.
_SPARE_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. `aside`: where the former files are. `written`, `missing`: files outside of both folders.

    `problems` are the mistakes that the configuration has on this machine, if any.
    """

    manifest: Manifest
    aside: tuple[Path, ...]
    written: tuple[Path, ...]
    missing: tuple[Path, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where a backup waits until all of it is known to be good."""

    scope: Scope

    def folder(self, root: str) -> Path:
        """For the files of `config`, `state` or `outside`."""
        return (self.scope.folder if root == "config" else self.scope.state) / STAGING / root

    def place(self, entry: Entry) -> Path:
        """For one file."""
        root, _, rest = entry.path.partition("/")
        return self.folder(root) / rest

    def clear(self) -> None:
        """Leave nothing behind."""
        for root in ("config", "state"):
            shutil.rmtree(self.folder(root).parent, ignore_errors=True)


def inspect(file: Path, version: str) -> Manifest:
    """Read the whole backup and change nothing. Raises HostError unless all of it is good."""
    with opened(file, version) as reader:
        for entry in reader.manifest.files:
            reader.extract(entry, lambda _: None)
        return reader.manifest


def restore(scope: Scope, file: Path, now: datetime, version: str, *, outside: bool) -> Restored:
    """Put the backup in its place; nobody may run the edge meanwhile. Raises HostError; then all is as before.

    With `outside`, files that the configuration names elsewhere are written where there are none.
    """
    stage = _Stage(scope)
    try:
        with opened(file, version) as reader:
            manifest = reader.manifest
            for folder in (scope.folder, scope.state):
                if not folder.exists():
                    files.ensure_folder(folder)
            stage.clear()
            _require_room(scope, manifest)
            for entry in manifest.files:
                _extract(reader, entry, stage.place(entry))
        elsewhere = _elsewhere(stage, manifest)
        os.sync()
        aside = _exchange(stage, manifest, now.strftime("%Y-%m-%dT%H%M%SZ"))
        written = tuple(target for source, target in elsewhere if outside and _written(source, target))
    except OSError as error:
        raise HostError(
            f"{error.filename}: {error.strerror}", "all is as it was; see to the folder and its disk"
        ) from error
    finally:
        stage.clear()
    missing = tuple(target for _, target in elsewhere if not target.exists())
    return Restored(manifest, aside, written, missing, _problems(scope))


def _require_room(scope: Scope, manifest: Manifest) -> None:
    free = min(shutil.disk_usage(folder).free for folder in (scope.folder, scope.state))
    if free < manifest.size_bytes + _SPARE_BYTES:
        needed = (manifest.size_bytes + _SPARE_BYTES) >> 20
        raise HostError(f"{needed} MiB are needed, {free >> 20} MiB are free", "make room; nothing was touched")


def _extract(reader: Reader, entry: Entry, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        reader.extract(entry, file.write)
        os.fchmod(descriptor, entry.mode)


def _elsewhere(stage: _Stage, manifest: Manifest) -> list[tuple[Path, Path]]:
    """(where it waits, where it belongs) for files outside; nobody but the configuration may name such places."""
    waiting = [entry for entry in manifest.files if entry.path.startswith("outside/")]
    if not waiting:
        return []
    try:
        named = set(_texts(raw.plain(raw.tree(read_sources(stage.folder("config") / manifest.main)))))
    except ConfigError as error:
        raise damaged("its configuration cannot be read, but it holds files for other places") from error
    for entry in waiting:
        if entry.path.removeprefix("outside") not in named:
            raise damaged(f"it holds {entry.path}, which its configuration does not name")
    return [(stage.place(entry), Path(entry.path.removeprefix("outside"))) for entry in waiting]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _exchange(stage: _Stage, manifest: Manifest, stamp: str) -> tuple[Path, ...]:
    """The former files aside, the new ones in their place. Gives where the former ones are."""
    scope = stage.scope
    asides = (scope.folder / ASIDE / stamp, scope.state / ASIDE / stamp)
    for aside in asides:
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        aside.mkdir(mode=0o700)
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in (*_config_moves(stage, manifest, asides[0]), *_state_moves(stage, asides[1])):
            target.parent.mkdir(mode=0o700 if "secrets" in target.parts else 0o755, parents=True, exist_ok=True)
            source.rename(target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            target.rename(source)
        raise
    for aside in asides:
        with suppress(OSError):  # it holds something
            aside.rmdir()
    return tuple(aside for aside in asides if aside.exists())


def _config_moves(stage: _Stage, manifest: Manifest, aside: Path) -> Iterator[tuple[Path, Path]]:
    """Only the edge's own files: the folder may be anybody's."""
    scope = stage.scope
    new = {}
    for entry in manifest.files:
        root, _, rest = entry.path.partition("/")
        if root == "config":
            new[stage.place(entry)] = scope.main if rest == manifest.main else scope.folder / rest
    for path in sorted({*config_files(scope), *(target for target in new.values() if os.path.lexists(target))}):
        yield path, aside / path.relative_to(scope.folder)
    yield from new.items()


def _state_moves(stage: _Stage, aside: Path) -> Iterator[tuple[Path, Path]]:
    folder = stage.scope.state
    for path in sorted(folder.iterdir()):
        if path.name not in {ASIDE, STAGING} and path != stage.scope.folder:
            yield path, aside / path.name
    staged = stage.folder("state")
    for path in sorted(staged.iterdir()) if staged.is_dir() else []:
        yield path, folder / path.name


def _written(source: Path, target: Path) -> bool:
    if os.path.lexists(target):
        return False
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return files.write(target, files.read(source), mode=source.stat().st_mode & 0o777)


def _problems(scope: Scope) -> tuple[Problem, ...]:
    try:
        load(scope.main)
    except ConfigError as error:
        return error.problems
    return ()
