"""Finished records go into a table of a PostgreSQL database. Blocks: called from a thread.

The table is made where there is none. A record that comes twice, because an answer was lost, stands there once: its
key is Call-ID, tag of the caller, and start. `psycopg` is an extra of this package.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from voxgate.calls.cdr.value import Cdr
    from voxgate.config.records import Postgresql

log = logging.getLogger(__name__)

PLACE: Final = "postgresql"
_CONNECT_S: Final = 5
_ANSWER_S: Final = 15
#: Debian's list of authorities; older versions of libpq know no other.
_AUTHORITIES: Final = "/etc/ssl/certs/ca-certificates.crt"
#: Column -> type. The first three are the key.
_COLUMNS: Final = {
    "call_id": "text NOT NULL",
    "caller_tag": "text NOT NULL",
    "start_time": "timestamptz NOT NULL",
    "progress_time": "timestamptz",
    "answer_time": "timestamptz",
    "end_time": "timestamptz",
    "duration_s": "double precision",
    "billable_s": "double precision",
    "direction": "text",
    "pbx": "text",
    "trunk": "text",
    "caller": "text",
    "caller_name": "text",
    "caller_uri": "text",
    "callee": "text",
    "callee_uri": "text",
    "callee_sent": "text",
    "source": "text",
    "source_port": "integer",
    "transport": "text",
    "user_agent": "text",
    "callee_address": "text",
    "sip_code": "integer",
    "sip_reason": "text",
    "q850": "integer",
    "q850_text": "text",
    "hung_up": "text",
    "reason": "text",
    "encryption_caller": "text",
    "encryption_callee": "text",
    "codecs": "jsonb",
    "codecs_offered": "jsonb",
    "attempts": "jsonb",
    "from_caller": "jsonb",
    "from_callee": "jsonb",
}
_KEY: Final = tuple(_COLUMNS)[:3]
_TIMES: Final = {"start_time": "start", "progress_time": "progress", "answer_time": "answer", "end_time": "end"}


class Database:
    """One table; the connection is kept as long as it is good."""

    def __init__(self, target: Postgresql) -> None:
        self._target = target
        self._connection: psycopg.Connection[Any] | None = None

    def put(self, records: Sequence[Cdr]) -> None:
        """All of them or none; what the database can never take is told in the log. Raises PeerError."""
        psycopg = _library()
        try:
            connection = self._connected(psycopg)
            try:
                self._insert(connection, records)
            except psycopg.DataError:
                self._one_by_one(psycopg, connection, records)
        except (psycopg.Error, OSError) as error:
            self.close()
            said = " ".join(str(error).split())[:300]
            raise PeerError(f"PostgreSQL at {self._target.host}: {said}") from error

    def close(self) -> None:
        """A new connection next time."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self, psycopg: Any) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            made = psycopg.connect(**_parameters(self._target), autocommit=True)
            self._connection = made
            self._prepare(made)
        return self._connection

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Have the table. Asked for first: who may only write to it may not make one."""
        table = self._target.table
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({', '.join(_KEY)}))")

    def _insert(self, connection: psycopg.Connection[Any], records: Sequence[Cdr]) -> None:
        rest = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _KEY)
        statement = (
            f"INSERT INTO {self._target.table} ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of ours, and a checked one
            f"VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)}) "
            f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {rest}"
        )
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(statement, [row(cdr) for cdr in records])

    def _one_by_one(self, psycopg: Any, connection: psycopg.Connection[Any], records: Sequence[Cdr]) -> None:
        """One record that cannot be taken does not hold up all that come after it."""
        for cdr in records:
            try:
                self._insert(connection, [cdr])
            except psycopg.DataError as error:
                log.warning("cdr_not_taken to=%s id=%d reason=%s", PLACE, cdr.id, " ".join(str(error).split())[:300])


def row(cdr: Cdr) -> dict[str, Any]:
    """Column -> value. PostgreSQL has no character of number 0, which a stranger's phone may send."""
    plain = asdict(cdr)
    found = {
        name: getattr(cdr, _TIMES[name]) if name in _TIMES else plain[name]
        for name in _COLUMNS
        if name not in {"duration_s", "billable_s"}
    }
    found |= {"duration_s": cdr.duration_s, "billable_s": cdr.billable_s}
    found |= {
        name: json.dumps(found[name]).replace("\\u0000", "?") for name, kind in _COLUMNS.items() if kind == "jsonb"
    }
    return {name: value.replace("\0", "?") if isinstance(value, str) else value for name, value in found.items()}


def _parameters(target: Postgresql) -> dict[str, Any]:
    """For libpq: bounded in time, and with the TLS that is wanted."""
    found: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "dbname": target.database,
        "user": target.user,
        "application_name": "voxgate",
        "connect_timeout": _CONNECT_S,
        "tcp_user_timeout": _ANSWER_S * 1000,
        "options": f"-c statement_timeout={_ANSWER_S * 1000}",
        "sslmode": {"off": "disable", "require": "require"}.get(target.tls, "verify-full"),
        # No files of whoever runs it: neither a password nor a certificate.
        "passfile": "/dev/null",
        "sslrootcert": target.ca or _AUTHORITIES,
    }
    if target.password:
        found["password"] = target.password.reveal()
    return found


def _library() -> Any:
    try:
        import psycopg  # noqa: PLC0415 - an extra, which few have
    except ImportError as error:
        raise PeerError("psycopg is not installed\n    install the extra voxgate[postgresql]") from error
    return psycopg
