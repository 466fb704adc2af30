"""A table of records of any length is written while it is read, page by page, and never too many at once."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from fastapi import FastAPI

from voxgate.admin import problems
from voxgate.admin.api import records
from voxgate.admin.auth import _around, _known
from voxgate.admin.roles import Role
from voxgate.calls.cdr.search import Query
from voxgate.calls.cdr.store import Store
from voxgate.calls.cdr.value import Cdr, ended

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.wire.control import Request

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Desk:
    """Answers from a real store; counts, and waits where it is told to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Semaphore(0)

    async def ask(self, request: Request, by: str) -> Any:
        wanted = cast("Any", request)
        self.asked.append(wanted.limit)
        if wanted.cursor:
            self.begun.release()
            await self.gate.wait()
        page = self.store.search(Query(pbx=wanted.pbx, limit=wanted.limit, cursor=wanted.cursor))
        return SimpleNamespace(data={"records": [one.to_json() for one in page.records], "cursor": page.cursor})


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = Store(tmp_path / "cdr.db")
    calls = [Cdr(f"c{number}", "t", NOON + timedelta(seconds=number), pbx="hq") for number in range(2500)]
    store.write([ended(cdr, cdr.start) for cdr in calls], NOON)
    return Desk(store)


def app_of(desk: Desk) -> FastAPI:
    app = FastAPI()
    app.state.exports = 0
    app.include_router(records.router)
    app.dependency_overrides[_known] = lambda: SimpleNamespace(who="alice", role=Role.READ_ONLY)
    app.dependency_overrides[_around] = lambda: SimpleNamespace(desk=desk)
    problems.install(app)
    return app


def test_all_records_come_once_in_pages(desk: Desk) -> None:
    async def scene(**params: Any) -> list[dict[str, str]]:
        transport = httpx.ASGITransport(app_of(desk))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answer = await client.get("/records.csv", params=params)
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))

    rows = asyncio.run(scene())
    assert [row["call_id"] for row in rows] == [f"c{number}" for number in reversed(range(2500))]
    assert desk.asked == [1000, 1000, 1000]
    assert len(asyncio.run(scene(limit=1500))) == 1500
    assert len(asyncio.run(scene(limit=1000))) == 1000
    assert asyncio.run(scene(pbx="branch")) == []


def test_too_many_tables_at_once_are_refused_and_one_that_ended_makes_room(desk: Desk) -> None:
    async def scene() -> tuple[list[int], int]:
        desk.gate.clear()
        transport = httpx.ASGITransport(app_of(desk))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            begun = [asyncio.create_task(client.get("/records.csv")) for _ in range(3)]
            async with asyncio.timeout(10):
                for _ in begun:
                    await desk.begun.acquire()
            refused = await client.get("/records.csv")
            assert "retry-after" in refused.headers
            desk.gate.set()
            done = [(await one).status_code for one in begun]
            return [*done, refused.status_code], (await client.get("/records.csv")).status_code

    assert asyncio.run(scene()) == ([200, 200, 200, 503], 200)
