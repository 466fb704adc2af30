"""The backup of an edge, also of a running one: files are written whole there, databases are copied by SQLite."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from voxgate.backup.archive import Writer, opened
from voxgate.backup.contents import Scope, items
from voxgate.backup.manifest import Manifest
from voxgate.errors import HostError, UsageError
from voxgate.host.database import copy_database
from voxgate.plan.history import History

if TYPE_CHECKING:
    from datetime import datetime

_TEMPORARY: Final = ".new~"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was read again and is good. `bytes` is the size of the file."""

    file: Path
    bytes: int
    manifest: Manifest
    warnings: tuple[str, ...]


def make(scope: Scope, target: Path, now: datetime, version: str) -> Made:
    """Write the backup to the new file `target`, for its owner only, and read it again.

    Raises UsageError for a file that is there already or would be part of the next backup; HostError.
    """
    _require_fit(scope, target)
    temporary = target.with_name(f".{target.name}{_TEMPORARY}")
    try:
        with suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            warnings = _write(scope, file, target.parent, now, version)
            file.flush()
            os.fsync(descriptor)
        manifest = _read_again(temporary, version)
        temporary.rename(target)
    except OSError as error:
        raise HostError(
            f"{target} cannot be written: {error.strerror}", "see to its folder and the space there"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return Made(target, target.stat().st_size, manifest, tuple(warnings))


def _require_fit(scope: Scope, target: Path) -> None:
    if not scope.main.is_file():
        raise UsageError(f"{scope.main} is not there\n    give the configuration of this edge: --config FILE")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}\n    make it, or give another path")
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already\n    give another name; a date in it helps")
    if target.resolve().is_relative_to(scope.state.resolve()):
        raise UsageError(
            f"{target} lies in {scope.state}, which is kept\n    give a path elsewhere, best on another disk"
        )


def _write(scope: Scope, file: IO[bytes], beside: Path, now: datetime, version: str) -> list[str]:
    found, warnings = items(scope)
    writer = Writer(file, now)
    with tempfile.TemporaryDirectory(dir=beside, prefix=".voxgate-backup-") as folder:
        for item in found:
            source = item.source
            if item.database:
                source = Path(folder) / "database"
                copy_database(item.source, source)
            writer.add(item.path, source)
            if item.database:
                source.unlink()
    running = History(scope.state / "generations").running()
    generation = running.generation if running else None
    writer.end(Manifest(version, now, scope.main.name, generation, tuple(writer.entries)))
    return warnings


def _read_again(path: Path, version: str) -> Manifest:
    with opened(path, version) as reader:
        for entry in reader.manifest.files:
            reader.extract(entry, lambda _: None)
        return reader.manifest
