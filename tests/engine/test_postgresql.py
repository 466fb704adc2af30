"""Call records in a real PostgreSQL: each once, none lost, whatever becomes of the database meanwhile."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from lab.edge import Kept
from tests.engine.office import MARKS, Config, Office, config, office
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.procs import Process

pytestmark = [
    *MARKS,
    pytest.mark.skipif(
        not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")), reason="needs PostgreSQL's programs"
    ),
]

PASSWORD = "orange lamp' \\river"  # noqa: S105
NOBODY = "postgres"


class Postgres:
    """A database of its own, on a socket in `folder`, which its unprivileged user owns."""

    def __init__(self, place: Office) -> None:
        self._place = place
        self.folder = place.folder / "pg"
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._process: Process | None = None

    def make(self) -> None:
        """Everybody needs a password, and the edge's user may make its table, nothing else."""
        self.folder.mkdir()
        shutil.chown(self.folder, NOBODY, NOBODY)
        secret = self.folder / "password"
        secret.write_text(PASSWORD + "\n")
        shutil.chown(secret, NOBODY, NOBODY)
        words = ("-D", str(self.folder / "data"), "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        done = self._place.net.run("edge", self._as_nobody("initdb", "-E", "UTF8", *words), timeout_s=120)
        assert done.code == 0, done.err
        self.start()
        with self.connected() as connection:
            made = psycopg.sql.SQL("CREATE ROLE voxgate LOGIN PASSWORD {}").format(PASSWORD)
            connection.execute(made)
            connection.execute("CREATE DATABASE calls OWNER voxgate")

    def start(self) -> None:
        """Again and again, as a service manager does: it ends at once while children of a killed one are there."""
        until(self._runs, 60)

    def _runs(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            words = ("-D", str(self.folder / "data"), "-k", str(self.folder))
            settings = ("-c", "listen_addresses=", "-c", "fsync=off")
            self._process = self._place.net.spawn(
                "edge", self._as_nobody("postgres", *words, *settings), log_path=self._place.folder / "postgres.log"
            )
        return self._answers()

    def stop(self) -> None:
        """At once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def connected(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), dbname=database, user=NOBODY, password=PASSWORD, autocommit=True, connect_timeout=5
        )

    def rows(self, columns: str = "call_id") -> list[Any]:
        """All of the table; none while there is no table."""
        with self.connected("calls") as connection:
            if connection.execute("SELECT to_regclass('voxgate_cdr')").fetchone() == (None,):
                return []
            return connection.execute(f"SELECT {columns} FROM voxgate_cdr ORDER BY start_time").fetchall()  # noqa: S608

    def _answers(self) -> bool:
        try:
            self.connected().close()
        except psycopg.OperationalError:
            return False
        return True

    def _as_nobody(self, program: str, *words: str) -> list[str]:
        """By a program that does not stay as its parent: a killed postmaster is ours to collect then.

        Else it is left as a zombie where the first process collects none, and PostgreSQL takes that for a running one.
        """
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", str(self._bin / program), *words]


def into(folder: Path, password: str = PASSWORD) -> Config:
    secret = Kept("database", password)
    where = {"host": str(folder / "pg"), "database": "calls", "user": "voxgate", "password": secret}
    return config(records={"postgresql": where})


@contextmanager
def running() -> Iterator[tuple[Office, Postgres]]:
    with office() as place:
        database = Postgres(place)
        database.make()
        try:
            yield place, database
        finally:
            database.stop()


def called(place: Office, *numbers: str) -> list[str]:
    """Calls that the PBX refuses; their Call-IDs."""

    async def scene() -> list[str]:
        found = []
        async with place.phone() as phone:
            for number in numbers:
                call, invite = await phone.prepare(number)
                await phone.place(call, invite)
                assert call.ended_by == "404"
                found.append(invite.call_id)
        return found

    return asyncio.run(scene())


def waiting(place: Office) -> int:
    """Finished records of which the edge knows."""
    found = json.loads(place.edge.command("cdr", "--json", "--limit", "1000").out)["records"]
    return sum(one["state"] == "ended" for one in found)


def test_each_record_is_one_row_whatever_becomes_of_the_database() -> None:
    with running() as (place, database):
        assert place.edge.apply(into(place.folder)).code == 0
        first = called(place, "nobody1", "nobody2")
        until(lambda: [row[0] for row in database.rows()] == first)
        said = "direction, pbx, sip_code, q850, callee, source, codecs_offered->>0, from_caller->>'packets'"
        assert database.rows(said)[0] == ("in", "hq", 404, 1, "nobody1", "203.0.113.77", "PCMU", "0")

        # The database dies, and so does the edge: what happened meanwhile arrives when both are back.
        database.stop()
        second = called(place, "nobody3", "nobody4")
        until(lambda: waiting(place) == 4)
        until(lambda: "cdr_not_delivered" in place.edge.text())
        place.edge.stop()
        place.edge.start()
        third = called(place, "nobody5")
        database.start()
        until(lambda: [row[0] for row in database.rows()] == [*first, *second, *third], 60)

        # A wrong password is told without being told, and the right one delivers what has waited.
        with database.connected() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'voxgate'")
        assert place.edge.apply(into(place.folder, "wrong-word")).code == 0
        fourth = called(place, "nobody6")
        until(lambda: "password authentication failed" in place.edge.text())
        assert place.edge.apply(into(place.folder)).code == 0
        until(lambda: [row[0] for row in database.rows()] == [*first, *second, *third, *fourth], 60)
        assert "wrong-word" not in place.edge.text()
        assert PASSWORD not in place.edge.text()
