"""Files: read bounded, written atomically with owner and mode; a link as the last step is never followed.

Engines may create files in their own folder (their sockets), so the last step of a path is not to be trusted;
the folders above belong to root.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Rendered files of the largest edge we plan for (1,000 PBXs with 10 names) stay far below.
MOST_BYTES = 64 << 20

#: root writes, the engine's group reads, nobody else sees it.
FILE_MODE = 0o640
FOLDER_MODE = 0o750
#: The same, and the group may create files, such as sockets, but not replace ours (sticky, see unlink(2)).
SHARED_FOLDER_MODE = 0o1770

_TEMPORARY = ".new~"


def read(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return a regular file's content. Raises HostError: missing, unreadable, a link, too large."""
    with _host_errors(path, "read"):
        # O_NONBLOCK: opening a FIFO that someone put here must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _require_regular(path, os.fstat(descriptor))
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(most_bytes + 1)
        finally:
            os.close(descriptor)
    if len(content) > most_bytes:
        raise HostError(f"{path} is larger than {most_bytes} bytes", "give the right file")
    return content


def write(path: Path, content: bytes, *, group: str = "", mode: int = FILE_MODE) -> bool:
    """Make the file hold `content`, all or nothing, and tell whether that changed anything.

    The owner is whoever we are, the group is `group` if we are root and one is given. A file that is as it
    should be is left alone, so that its time tells when it changed. Raises HostError.
    """
    with _host_errors(path, "written"):
        gid = group_id(group)
        if _is_already(path, content, gid, mode):
            return False
        temporary = path.with_name(f".{path.name}{_TEMPORARY}")
        with suppress(FileNotFoundError):
            temporary.unlink()  # left behind by a crash; a new one is made, never reused
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchown(descriptor, -1, gid)
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            temporary.rename(path)
        except OSError:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)
    return True


def remove(path: Path) -> bool:
    """Take a file or link away and tell whether it was there. Raises HostError."""
    with _host_errors(path, "removed"):
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        return True


def ensure_folder(path: Path, *, owner: str = "", group: str = "", mode: int = FOLDER_MODE) -> None:
    """Make the folder exist with this owner, group and mode; missing parents get 0755. Raises HostError."""
    with _host_errors(path, "made a folder"):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            state = os.fstat(descriptor)
            uid, gid = _user_id(owner), group_id(group)
            if uid not in (-1, state.st_uid) or gid not in (-1, state.st_gid):
                os.fchown(descriptor, uid, gid)
            if stat.S_IMODE(state.st_mode) != mode:
                os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)


def wipe_folder(path: Path) -> None:
    """Remove what is in a folder of ours, not the folder; links are not followed. Raises HostError."""
    with _host_errors(path, "emptied"):
        if path.is_symlink():
            raise HostError(f"{path} is a link where a folder of ours should be", "remove it")
        for entry in sorted(path.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)  # follows no links and is safe against swaps on Linux (shutil's manual)
            else:
                entry.unlink()


def group_id(group: str) -> int:
    """Return the number of `group`; -1 (leave as is) for none, or where we may not give files away.

    Debian's dnsmasq is a user without a group of its name: then it is that user's. Raises HostError: neither is there.
    """
    if not group or os.geteuid() != 0:
        return -1
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        pass
    try:
        return pwd.getpwnam(group).pw_gid
    except KeyError as error:
        raise HostError(
            f"there is no group {group} on this machine", "the Debian package of the engine creates it"
        ) from error


def _user_id(user: str) -> int:
    """The same for a user."""
    if not user or os.geteuid() != 0:
        return -1
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError as error:
        raise HostError(f"there is no user {user} on this machine", f"adduser --system --group {user}") from error


def _is_already(path: Path, content: bytes, gid: int, mode: int) -> bool:
    try:
        state = path.lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISREG(state.st_mode)
        and state.st_uid == os.geteuid()
        and state.st_gid == (state.st_gid if gid == -1 else gid)
        and stat.S_IMODE(state.st_mode) == mode
        and state.st_size == len(content)
        and read(path) == content
    )


def _sync_folder(folder: Path) -> None:
    # Without it the rename itself may be lost with the power (fsync(2)).
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_regular(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise HostError(f"{path} is not a regular file", "give the path of a file")


@contextmanager
def _host_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn the system's refusal into a sentence with the path."""
    try:
        yield
    except OSError as error:
        raise HostError(
            f"{path} could not be {verb}: {error.strerror}",
            "check that it exists, its owner and mode, and that the disk is not full",
        ) from error
