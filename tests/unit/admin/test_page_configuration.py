"""The configuration on pages: the files go whole to the edge, foretold first; the way back asks for a word."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.page_place import Place, configured
from voxgate.config.load import read_sources
from voxgate.config.raw import etag_of_files
from voxgate.errors import ConfigError, ExitCode, Problem, UsageError
from voxgate.plan.history import History, Outcome, Record, SavedFile
from voxgate.supervise.control import Told
from voxgate.supervise.editing import StaleError
from voxgate.wire.admin_request import EditRequest
from voxgate.wire.control import HistoryRequest, RollbackRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

TEXT = """edge: {domain: edge.example.com}  # <b>ours</b>
pbxs:
  hq: {names: [example.com], nodes: [192.0.2.20]}
"""
OLD = TEXT.replace("192.0.2.20", "192.0.2.99")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = configured(tmp_path, TEXT)
    history = History(tmp_path / "state" / "generations")
    record = Record(3, datetime(2026, 1, 1, tzinfo=UTC), "bob", "apply", "adds <i>all</i>", Outcome.APPLIED)
    history.begin(record, (SavedFile("voxgate.yaml", OLD),), "")
    made.desk.answers[HistoryRequest] = lambda _: Told(
        {"running": 7, "generations": [one.to_json() for one in history.records()]}, ""
    )
    return made


def run(what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(what())  # type: ignore[arg-type]


def form(place: Place, text: str, do: str) -> dict[str, Any]:
    found = etag_of_files(read_sources(place.main))
    return {"etag": found, "path": "voxgate.yaml", "text": text, "do": do}


def test_the_files_are_foretold_and_applied_whole_under_their_etag(place: Place) -> None:
    def answer(request: EditRequest) -> Told:
        return Told({"changes": [], "yaml_diff": "-a\n+<b>\n"} if request.dry else {"result": "applied"}, "")

    place.desk.answers[EditRequest] = answer

    async def visit() -> None:
        async with place.browser("alice") as browser:
            page = (await browser.get("/configuration")).text
            assert "# &lt;b&gt;ours&lt;/b&gt;" in page
            assert re.search(r'name="etag" value="([0-9a-f]+)"', page)[1] == form(place, "", "")["etag"]  # type: ignore[index]
            foretold = await browser.post("/configuration", data=form(place, OLD.replace("\n", "\r\n"), "plan"))
            assert '<span class="added">+&lt;b&gt;</span>' in foretold.text
            assert "192.0.2.99" in foretold.text
            more = form(place, OLD, "apply") | {"new": "branch.yaml", "new_text": "x: 1"}
            assert (await browser.post("/configuration", data=more)).headers["location"] == "/history"
            assert (await browser.post("/configuration", data={"do": "apply"})).status_code == 422

    run(visit)
    first, second = [request for _, request in place.desk.asked if isinstance(request, EditRequest)]
    assert (first.dry, first.match, first.files) == (True, form(place, "", "")["etag"], {"voxgate.yaml": OLD})
    assert second.files == {"voxgate.yaml": OLD, "conf.d/branch.yaml": "x: 1\n"}


def test_mistakes_and_other_peoples_changes_leave_what_was_typed(place: Place) -> None:
    errors = [
        ConfigError((Problem("/etc/voxgate/voxgate.yaml", 3, "pbxs.hq", "is wrong", "write it right"),)),
        StaleError("somebody has changed it meanwhile"),
    ]

    def refuse(_: EditRequest) -> Told:
        raise errors.pop(0)

    place.desk.answers[EditRequest] = refuse

    async def visit() -> None:
        async with place.browser("alice") as browser:
            wrong = await browser.post("/configuration", data=form(place, OLD, "apply"))
            assert (wrong.status_code, "<code>voxgate.yaml:3</code>" in wrong.text) == (422, True)
            stale = await browser.post("/configuration", data=form(place, OLD, "apply"))
            assert (stale.status_code, "192.0.2.99" in stale.text) == (412, True)
            assert "Somebody has changed it" in stale.text

    run(visit)


def test_only_an_administrator_changes_all_of_it(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("otto") as browser:
            assert ">Apply<" not in (await browser.get("/configuration")).text
            assert (await browser.post("/configuration", data=form(place, OLD, "apply"))).status_code == 403
            assert (await browser.post("/history/3", data={})).status_code == 403

    run(visit)


def test_the_way_back_shows_the_difference_and_asks_for_a_word(place: Place) -> None:
    def answer(request: RollbackRequest) -> Told:
        if not request.yes:
            raise UsageError("calls end\n    repeat with --yes")
        if not request.force:
            return Told({"reason": "no port"}, "", ExitCode.FAILED)
        return Told({"result": "applied"}, "")

    place.desk.answers[RollbackRequest] = answer

    async def visit() -> None:
        async with place.browser("alice") as browser:
            assert "adds &lt;i&gt;all" in (await browser.get("/history")).text
            page = (await browser.get("/history/3")).text
            assert "192.0.2.99" in page
            assert "Make it effective again" in page
            assert (await browser.get("/history/4")).status_code == 404
            asks = await browser.post("/history/3", data={})
            assert (asks.status_code, "calls end" in asks.text) == (409, True)
            failed = await browser.post("/history/3", data={"yes": "1"})
            assert (failed.status_code, "no port" in failed.text) == (503, True)
            done = await browser.post("/history/3", data={"yes": "1", "force": "1"})
            assert (done.status_code, done.headers["location"]) == (303, "/history")

    run(visit)
