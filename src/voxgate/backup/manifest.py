"""What is in a backup, as values, and what none may hold. Pure.

In the archive the manifest is the JSON file `manifest.json`:

    {"format": 1, "voxgate": "0.1.0", "made": RFC 3339 UTC, "main": "voxgate.yaml", "generation": N or null,
     "files": [{"path": "config/voxgate.yaml", "bytes": N, "sha256": HEX, "mode": 384}, ...]}
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from voxgate.errors import HostError

FORMAT: Final = 1
NAME: Final = "manifest.json"
#: A hundred generations of 2,000 files in conf.d, and some.
MOST_FILES: Final = 250_000
MOST_BYTES: Final = 64 << 20
#: Of one file: years of call records stay far below.
MOST_FILE_BYTES: Final = 64 << 30
ROOTS: Final = ("config", "state", "outside")
#: Where a restore keeps what was there before, in both folders; and where it prepares.
ASIDE: Final = "before-restore"
STAGING: Final = ".restoring"
#: Nobody but the owner writes, whatever the archive says.
_MODES: Final = 0o755
_LONGEST_PATH: Final = 4000
_LONGEST_NAME: Final = 255
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `path` is its name in the archive, `mode` its permissions."""

    path: str
    bytes: int
    sha256: str
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup. `voxgate` is the version that made it, `main` the name of the configuration's main file."""

    voxgate: str
    made: datetime
    main: str
    generation: int | None
    files: tuple[Entry, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(entry.bytes for entry in self.files)

    def encode(self) -> bytes:
        """The manifest as it stands in the archive."""
        data = {
            "format": FORMAT,
            "voxgate": self.voxgate,
            "made": self.made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "main": self.main,
            "generation": self.generation,
            "files": [asdict(entry) for entry in self.files],
        }
        return json.dumps(data, indent=1).encode() + b"\n"


def damaged(reason: str) -> HostError:
    """The error for a file that is no backup, or no longer one."""
    return HostError(f"this is no good backup: {reason}", "nothing was touched; take another backup")


def decode(content: bytes, version: str) -> Manifest:
    """The manifest, all of it checked. `version` is ours.

    Raises HostError: damaged, hostile, or made by a newer Voxgate.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(f"{NAME} is not JSON") from error
    match data:
        case {"format": int() as form, "voxgate": str() as by} if not isinstance(form, bool):
            _require_not_newer(form, by, version)
        case _:
            raise damaged(f"{NAME} does not say which Voxgate made it")
    match data:
        case {"made": str() as made, "main": str() as main, "generation": generation, "files": list() as files}:
            pass
        case _:
            raise damaged(f"{NAME} is not complete")
    if len(files) > MOST_FILES:
        raise damaged(f"it holds {len(files)} files, {MOST_FILES} are the most")
    entries = tuple(_entry(file) for file in files)
    _require_unambiguous([entry.path for entry in entries])
    if f"config/{main}" not in {entry.path for entry in entries} or "/" in main:
        raise damaged("the configuration is missing")
    if generation is not None and (not isinstance(generation, int) or isinstance(generation, bool)):
        raise damaged("its generation is no number")
    return Manifest(by, _time(made), main, generation, entries)


def storable(path: str) -> bool:
    """Whether a backup may hold a file of this name: relative, without steps up, without control characters."""
    root, _, rest = path.partition("/")
    parts = rest.split("/")
    return (
        root in ROOTS
        and len(path) <= _LONGEST_PATH
        and path.isprintable()
        and all(part not in {"", ".", ".."} and len(part.encode()) <= _LONGEST_NAME for part in parts)
        and "\\" not in path
        and parts[0] not in {ASIDE, STAGING}
    )


def _require_not_newer(form: int, by: str, version: str) -> None:
    made, ours = _VERSION.match(by), _VERSION.match(version)
    if made is None or ours is None:
        raise damaged("it does not say which version of Voxgate made it")
    numbers = [tuple(int(part or 0) for part in found.groups()) for found in (made, ours)]
    if form > FORMAT or numbers[0] > numbers[1]:
        raise HostError(
            f"this backup was made by Voxgate {made[0]}, this is {ours[0]}: an older Voxgate does not know what"
            " a newer one keeps",
            f"install Voxgate {made[0]} or a newer one, then restore; nothing was touched",
        )


def _entry(file: object) -> Entry:
    match file:
        case {"path": str() as path, "bytes": int() as size, "sha256": str() as digest, "mode": int() as mode}:
            pass
        case _:
            raise damaged(f"a file in {NAME} is not described completely")
    if not storable(path):
        raise damaged(f"it holds a file named {path!r:.200}, which belongs nowhere")
    if not 0 <= size <= MOST_FILE_BYTES or not _HASH.fullmatch(digest):
        raise damaged(f"{path} is not described as a file can be")
    return Entry(path, size, digest, mode & _MODES | 0o400)


def _require_unambiguous(paths: list[str]) -> None:
    known = set(paths)
    if len(known) != len(paths):
        raise damaged("it holds a file twice")
    for path in paths:
        parts = path.split("/")
        if any("/".join(parts[:count]) in known for count in range(2, len(parts))):
            raise damaged(f"it holds {path!r:.200} in what is a file")


def _time(text: str) -> datetime:
    try:
        made = datetime.fromisoformat(text)
    except ValueError as error:
        raise damaged("it does not say when it was made") from error
    if made.tzinfo is None:
        raise damaged("it does not say when it was made, in UTC")
    return made
