"""Which files belong into a backup."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgate.backup.manifest import ASIDE, STAGING, storable
from voxgate.config.load import load
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATABASE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Scope:
    """One edge's files: its configuration's main file, and its state folder."""

    main: Path
    state: Path

    @property
    def folder(self) -> Path:
        """Where the configuration is."""
        return self.main.parent


@dataclass(frozen=True, slots=True)
class Item:
    """One file to keep: its name in the archive, where it is, whether it is a database."""

    path: str
    source: Path
    database: bool = False


def items(scope: Scope) -> tuple[list[Item], list[str]]:
    """What to keep, each once, and sentences about what could not be."""
    found = {item.path: item for item in (*_config(scope), *_state(scope.state))}
    named, warnings = _named(scope)
    found |= {item.path: item for item in named if item.path not in found}
    good = [item for item in found.values() if storable(item.path)]
    warnings += [f"{item.source!r}: left out, its name is unfit" for item in found.values() if item not in good]
    return good, warnings


def config_files(scope: Scope) -> list[Path]:
    """The configuration's files as they are now, whatever they hold: main file, conf.d, secrets."""
    folder = scope.folder
    return [
        *([scope.main] if scope.main.exists() else []),
        *sorted(folder.glob("conf.d/*.yaml")),
        *sorted(path for path in folder.glob("secrets/*") if path.is_file()),
    ]


def paths_in(value: Any) -> Iterator[Path]:
    """All paths that a configuration names."""
    match value:
        case Path():
            yield value
        case dict():
            for inner in value.values():
                yield from paths_in(inner)
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from paths_in(inner)
        case _ if hasattr(value, "model_fields_set"):
            for _, inner in value:
                yield from paths_in(inner)


def place_of(scope: Scope, path: Path) -> str:
    """The name in the archive of a file that the configuration names."""
    if path.is_relative_to(scope.state):
        return f"state/{path.relative_to(scope.state)}"
    if path.is_relative_to(scope.folder):
        return f"config/{path.relative_to(scope.folder)}"
    return f"outside{path}"


def _config(scope: Scope) -> Iterator[Item]:
    for path in config_files(scope):
        yield Item(f"config/{path.relative_to(scope.folder)}", path.resolve())


def _state(folder: Path) -> Iterator[Item]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(name for name in folders if here != folder or name not in {ASIDE, STAGING})
        databases = {name for name in names if _is_database(here / name)}
        companions = {f"{name}{end}" for name in databases for end in ("-wal", "-shm", "-journal")}
        for name in sorted(set(names) - companions):
            path = here / name
            if path.is_file() and not path.is_symlink() and not name.endswith(".new~"):
                yield Item(f"state/{path.relative_to(folder)}", path, name in databases)


def _named(scope: Scope) -> tuple[list[Item], list[str]]:
    """Files that the configuration names: certificates, keys, authorities, programs."""
    try:
        config = load(scope.main).config
    except ConfigError as error:
        words = f"the configuration has mistakes, so files that it names elsewhere were left out:\n{error}"
        return [], [words]
    paths = sorted({path for path in paths_in(config) if path.is_file()})
    return [Item(place_of(scope, path), path.resolve()) for path in paths], []


def _is_database(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_DATABASE)) == _DATABASE
