"""A SQLite file that outlives crashes, and that only its owner may read."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """The file with all of `schema`, whose statements change nothing where they were done before.

    A damaged file is put aside: an edge without its memory is better than none. May be used from any thread, by one at
    a time. Raises HostError where it cannot be used.
    """
    try:
        return _opened(path, schema)
    except sqlite3.DatabaseError as error:
        log.warning("database_damaged path=%s reason=%s", path, error)
        path.replace(path.with_suffix(".damaged"))
        return _opened(path, schema)


@contextmanager
def transaction(database: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All that is done within, or none of it. Raises HostError where the file at `path` cannot be written."""
    try:
        database.execute("BEGIN")
        yield
        database.execute("COMMIT")
    except sqlite3.Error as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise HostError(f"{path} cannot be written: {error}", "see to the space on its disk") from error


def _opened(path: Path, schema: str) -> sqlite3.Connection:
    try:
        path.touch(mode=0o600)
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(schema)
    except (OSError, sqlite3.OperationalError) as error:
        raise HostError(f"{path} cannot be opened: {error}", "see to its folder") from error
    return database


def copy_database(source: Path, target: Path) -> None:
    """Write all that `source` holds at one moment to the new file `target`, also while somebody writes.

    Raises HostError.
    """
    try:
        target.touch(mode=0o600, exist_ok=False)
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, timeout=10)) as written,
            closing(sqlite3.connect(target)) as copy,
        ):
            written.backup(copy)
    except (OSError, sqlite3.Error) as error:
        raise HostError(
            f"{source} cannot be copied: {error}", "see to the file and to the space on the disk"
        ) from error
