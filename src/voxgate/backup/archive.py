"""The file of a backup: a ZIP archive, so that any machine can look into it.

It is read as if a stranger had written it: only files, only those of the manifest, each with the size and the hash
that stand there; no more is ever read, kept in memory or written than was announced.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from voxgate.backup import manifest
from voxgate.backup.manifest import Entry, Manifest, damaged
from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

_CHUNK: Final = 1 << 20
#: The archive's list of contents; Python reads it in one piece.
_MOST_AT_ONCE: Final = 128 << 20
_ENCRYPTED: Final = 1
_BAD: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    NotImplementedError,  # a way of compression that we do not have
    RuntimeError,  # encrypted
    EOFError,
    ValueError,
    OverflowError,
    UnicodeError,
)


class Writer:
    """Writes files into an archive and notes what it wrote. Raises HostError."""

    def __init__(self, file: IO[bytes], when: datetime) -> None:
        self.entries: list[Entry] = []
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._date = when.timetuple()[:6]

    def add(self, path: str, source: Path) -> bool:
        """Keep a file with the size it has now; False when it is gone."""
        try:
            descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                return False
            mode = stat.S_IMODE(state.st_mode)
            size, digest = 0, hashlib.sha256()
            with self._archive.open(self._info(path, mode), "w", force_zip64=state.st_size > _CHUNK) as kept:
                while size < state.st_size and (data := file.read(min(_CHUNK, state.st_size - size))):
                    kept.write(data)
                    digest.update(data)
                    size += len(data)
        self.entries.append(Entry(path, size, digest.hexdigest(), mode))
        return True

    def end(self, told: Manifest) -> None:
        """Write the manifest and the list of contents."""
        self._archive.writestr(self._info(manifest.NAME, 0o600), told.encode())
        self._archive.close()

    def _info(self, path: str, mode: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(path, self._date)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = (stat.S_IFREG | mode) << 16
        return info


class Reader:
    """An archive whose manifest and list of contents agree. All methods raise HostError."""

    def __init__(self, archive: zipfile.ZipFile, version: str) -> None:
        self._archive = archive
        infos = archive.infolist()
        if len(infos) > manifest.MOST_FILES + 1:
            raise damaged("it holds too many files")
        self._infos = {_required(info).filename: info for info in infos}
        if len(self._infos) != len(infos) or manifest.NAME not in self._infos:
            raise damaged(f"it has no {manifest.NAME}, or a file twice")
        content = io.BytesIO()
        self._copy(manifest.NAME, manifest.MOST_BYTES, content.write)
        self.manifest = manifest.decode(content.getvalue(), version)
        if {entry.path for entry in self.manifest.files} | {manifest.NAME} != set(self._infos):
            raise damaged(f"it holds other files than {manifest.NAME} says")

    def extract(self, entry: Entry, write: Callable[[bytes], object]) -> None:
        """Give the file's bytes to `write`, never more than its size; they are good when this returns."""
        digest = hashlib.sha256()

        def take(data: bytes) -> None:
            digest.update(data)
            write(data)

        if self._copy(entry.path, entry.bytes, take) != entry.bytes or digest.hexdigest() != entry.sha256:
            raise damaged(f"{entry.path} is not as it was kept")

    def _copy(self, path: str, most: int, write: Callable[[bytes], object]) -> int:
        size = 0
        with _as_damage(), self._archive.open(self._infos[path]) as kept:
            while data := kept.read(min(_CHUNK, most - size + 1)):
                size += len(data)
                if size > most:
                    raise damaged(f"{path} is larger than announced")
                write(data)
        return size


@contextmanager
def opened(path: Path, version: str) -> Iterator[Reader]:
    """The backup in the file `path`. `version` is ours. Raises HostError."""
    try:
        file = _Bounded(path)
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}", "give the path of a backup") from error
    with file:
        with _as_damage():
            archive = zipfile.ZipFile(file)
        with archive:
            yield Reader(archive, version)


class _Bounded(io.FileIO):
    """A file of which nobody reads more at once than a list of contents may be long."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MOST_AT_ONCE:
            raise damaged("its list of contents is too long")
        return super().read(_MOST_AT_ONCE if size is None or size < 0 else size)


def _required(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """A plain file, or nothing: no folder, no link, no device, nothing encrypted."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind not in (0, stat.S_IFREG) or info.flag_bits & _ENCRYPTED:
        raise damaged(f"it holds {info.filename!r:.200}, which is not a plain file")
    return info


@contextmanager
def _as_damage() -> Iterator[None]:
    """What Python says about an archive that is none, as a sentence."""
    try:
        yield
    except _BAD as error:
        raise damaged(str(error)[:200] or type(error).__name__) from error
