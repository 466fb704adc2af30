"""Bans, what is allowed, and evidence on disk, so that they outlive restarts: one SQLite file.

Methods block: the service calls them from a thread.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

from voxgate.guard.bans import Allowed, Ban
from voxgate.guard.ledger import Evidence
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.host.database import open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from voxgate.guard.networks import Network

#: How long evidence against somebody who is not banned any more is kept, and how much there is of it at most.
KEPT: Final = timedelta(days=30)
MOST_EVIDENCE: Final = 500_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bans (network TEXT PRIMARY KEY, origin TEXT NOT NULL, since TEXT NOT NULL, until TEXT,
    note TEXT NOT NULL, offence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS allowed (network TEXT PRIMARY KEY, since TEXT NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offences (network TEXT PRIMARY KEY, count INTEGER NOT NULL, last TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evidence (requester TEXT NOT NULL, at TEXT NOT NULL, source TEXT NOT NULL,
    protocol TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, user TEXT NOT NULL, detail TEXT NOT NULL,
    proven INTEGER NOT NULL, weight INTEGER NOT NULL, result TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS evidence_requester ON evidence (requester);
CREATE INDEX IF NOT EXISTS evidence_at ON evidence (at);
"""
#: One statement with its values.
Statement = tuple[str, tuple[Any, ...]]


class Store:
    """One file, which only its owner may read. Raises HostError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Write what is still in memory."""
        self._db.close()

    def write(self, statements: Iterable[Statement]) -> None:
        """All of them, or none. Raises HostError."""
        with transaction(self._db, self._path):
            for statement, values in statements:
                self._db.execute(statement, values)

    def bans(self) -> list[Ban]:
        """All of them, the oldest first."""
        rows = self._rows("SELECT network, origin, since, until, note, offence FROM bans ORDER BY since")
        return [
            Ban(ip_network(network), origin, _time(since), _time(until) if until else None, note, offence)
            for network, origin, since, until, note, offence in rows
        ]

    def allowed(self) -> list[Allowed]:
        """All that is allowed by hand."""
        rows = self._rows("SELECT network, since, note FROM allowed ORDER BY since")
        return [Allowed(ip_network(network), _time(since), note) for network, since, note in rows]

    def offences(self) -> dict[Network, tuple[int, datetime]]:
        """Requester -> how often he was banned, and when last."""
        rows = self._rows("SELECT network, count, last FROM offences")
        return {ip_network(network): (count, _time(last)) for network, count, last in rows}

    def evidence(self, requester: Network) -> list[Evidence]:
        """What was written down about a requester, the oldest first."""
        rows = self._rows(
            "SELECT at, source, protocol, kind, name, user, detail, proven, weight, result FROM evidence "
            "WHERE requester = ? ORDER BY at",
            (str(requester),),
        )
        return [
            Evidence(
                Observation(
                    _time(at), ip_address(source), ServiceType(protocol), Kind(kind), name, user, detail, bool(proven)
                ),
                weight,
                result,
            )
            for at, source, protocol, kind, name, user, detail, proven, weight, result in rows
        ]

    def prune(self, now: datetime) -> None:
        """Forget what is old, and what is too much. Raises HostError."""
        before = (now - KEPT).isoformat()
        self.write(
            [
                ("DELETE FROM offences WHERE last < ?", (before,)),
                ("DELETE FROM evidence WHERE at < ? AND requester NOT IN (SELECT network FROM bans)", (before,)),
                (
                    "DELETE FROM evidence WHERE rowid <= (SELECT max(rowid) FROM evidence) - ?",
                    (MOST_EVIDENCE,),
                ),
            ]
        )

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(self._db.execute(query, values)) as cursor:
            return cursor.fetchall()


def put_ban(ban: Ban) -> Statement:
    """Write a ban."""
    until = ban.until.isoformat() if ban.until else None
    values = (str(ban.network), ban.origin, ban.since.isoformat(), until, ban.note, ban.offence)
    return "INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?)", values


def lift_ban(network: Network) -> Statement:
    """Forget a ban."""
    return "DELETE FROM bans WHERE network = ?", (str(network),)


def put_allowed(allowed: Allowed) -> Statement:
    """Write what is allowed."""
    values = (str(allowed.network), allowed.since.isoformat(), allowed.note)
    return "INSERT OR REPLACE INTO allowed VALUES (?, ?, ?)", values


def drop_allowed(network: Network) -> Statement:
    """Forget what is allowed."""
    return "DELETE FROM allowed WHERE network = ?", (str(network),)


def put_offence(requester: Network, count: int, last: datetime) -> Statement:
    """Write how often somebody was banned."""
    return "INSERT OR REPLACE INTO offences VALUES (?, ?, ?)", (str(requester), count, last.isoformat())


def put_evidence(requester: Network, evidence: Evidence) -> Statement:
    """Write a piece of evidence."""
    seen = evidence.observation
    values = (
        *(str(requester), seen.at.isoformat(), str(seen.requester), seen.protocol.value, seen.kind.value),
        *(seen.name, seen.user, seen.detail, int(seen.proven), evidence.weight, evidence.result),
    )
    return "INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
