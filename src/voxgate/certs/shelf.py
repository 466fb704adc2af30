"""What an ACME authority signed, one folder for each certificate of the configuration, with a way back.

DEFAULT/current      the number of the one that is shown
DEFAULT/7/           certificate.pem, key.pem, about.json (the names and the directory it was ordered for)
DEFAULT/memory.json  how the last orders went (`schedule.Memory`)
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from voxgate.certs.schedule import Memory
from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from pathlib import Path

KEPT: Final = 3
KEY_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Issued:
    """A chain and its key, both PEM, and what was ordered."""

    number: int
    certificate: bytes
    key: bytes
    names: tuple[str, ...]
    directory: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of all of them. Raises HostError where the disk refuses."""

    folder: Path

    def current(self, name: str) -> Issued | None:
        """The one that is shown, or None."""
        try:
            number = int(files.read(self.folder / name / "current").decode("ascii"))
            return self._issued(name, number)
        except (HostError, ValueError, KeyError, TypeError):
            return None

    def put(self, name: str, certificate: bytes, key: bytes, names: tuple[str, ...], directory: str) -> Issued:
        """Keep a new one and show it from now on."""
        number = max(self._numbers(name), default=0) + 1
        place = self.folder / name / str(number)
        files.ensure_folder(place)
        files.write(place / "key.pem", key, mode=KEY_MODE)
        files.write(place / "certificate.pem", certificate)
        files.write(place / "about.json", json.dumps({"names": names, "directory": directory}).encode())
        self.show(name, number)
        for old in sorted(self._numbers(name))[:-KEPT]:
            shutil.rmtree(self.folder / name / str(old), ignore_errors=True)
        return Issued(number, certificate, key, names, directory)

    def show(self, name: str, number: int | None) -> None:
        """Show the one with that number; None: none of them."""
        if number is None:
            files.remove(self.folder / name / "current")
        else:
            files.write(self.folder / name / "current", str(number).encode())

    def memory(self, name: str) -> Memory:
        """How its orders went so far."""
        try:
            return Memory.of_json(json.loads(files.read(self.folder / name / "memory.json")))
        except (HostError, ValueError, TypeError, KeyError):
            return Memory()

    def remember(self, name: str, memory: Memory) -> None:
        """Keep how they went: a restart must not make us forget to wait."""
        files.ensure_folder(self.folder / name)
        files.write(self.folder / name / "memory.json", json.dumps(asdict(memory)).encode())

    def _issued(self, name: str, number: int) -> Issued:
        place = self.folder / name / str(number)
        about = json.loads(files.read(place / "about.json"))
        pair = files.read(place / "certificate.pem"), files.read(place / "key.pem")
        return Issued(number, *pair, tuple(map(str, about["names"])), str(about["directory"]))

    def _numbers(self, name: str) -> list[int]:
        place = self.folder / name
        return [int(entry.name) for entry in place.iterdir() if entry.name.isdigit()] if place.is_dir() else []
