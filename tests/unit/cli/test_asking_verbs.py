from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from voxgate.cli import main
from voxgate.errors import EngineError, ExitCode
from voxgate.plan.history import History, Outcome, Record, SavedFile
from voxgate.supervise.control import Caller, ControlServer, Told, open_control_socket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voxgate.wire.control import ApplyRequest, PlanRequest, RollbackRequest


class Echo:
    """Tells back what it was asked."""

    async def status(self) -> Told:
        return Told({"overall": "degraded"}, "Voxgate is degraded", ExitCode.FAILED)

    async def history(self) -> Told:
        return Told({"generations": []}, "nothing")

    async def plan(self, request: PlanRequest) -> Told:
        return Told({}, str(request))

    async def apply(self, request: ApplyRequest, caller: Caller) -> Told:
        caller.progress("kamailio: check")
        return Told({}, str(request))

    async def rollback(self, request: RollbackRequest, caller: Caller) -> Told:
        del caller
        if request.force:
            raise EngineError("kamailio", "refused", "mend it")
        return Told({}, str(request))


@contextmanager
def running(run_dir: Path) -> Iterator[None]:
    """A Voxgate in another thread that answers as `Echo`."""
    listener, started, box = open_control_socket(run_dir / "control.sock"), threading.Event(), []

    async def serve() -> None:
        box.append((asyncio.get_running_loop(), asyncio.current_task()))
        started.set()
        with suppress(asyncio.CancelledError):
            await ControlServer(listener, Echo()).serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait(5)
    yield
    loop, task = box[0]
    assert task
    loop.call_soon_threadsafe(task.cancel)
    thread.join(5)


def voxgate(folder: Path, *words: str) -> int:
    return main(["--run-dir", str(folder), "--state-dir", str(folder / "state"), *words])


ASKED = [
    (["status"], 1, "Voxgate is degraded"),
    (["history"], 0, "nothing"),
    (["apply"], 0, "ApplyRequest(path=None, yes=False)"),
    (["apply", "--yes"], 0, "ApplyRequest(path=None, yes=True)"),
    (["rollback"], 0, "RollbackRequest(generation=None, yes=False, force=False)"),
    (["rollback", "7", "--yes"], 0, "RollbackRequest(generation=7, yes=True, force=False)"),
]


@pytest.mark.parametrize(("words", "code", "text"), ASKED, ids=[" ".join(row[0]) for row in ASKED])
def test_a_verb_asks_and_prints_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, text: str
) -> None:
    with running(tmp_path):
        assert voxgate(tmp_path, *words) == code
    assert capsys.readouterr().out == f"{text}\n"


def test_progress_goes_to_stderr_so_that_json_stays_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path):
        assert voxgate(tmp_path, "apply", "--json") == 0
        assert voxgate(tmp_path, "status", "--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out.removeprefix("{}\n")) == {"overall": "degraded"}
    assert err == "  kamailio: check\n"


def test_a_refusal_keeps_its_words_and_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path):
        assert voxgate(tmp_path, "rollback", "--force") == 1
    assert capsys.readouterr().err == "kamailio: refused\n    mend it\n"


def test_the_file_is_named_as_the_running_voxgate_sees_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edge.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    with running(tmp_path):
        assert voxgate(tmp_path, "apply", "edge.yaml") == 0
        assert voxgate(tmp_path, "apply", "other.yaml") == 2
    out, err = capsys.readouterr()
    assert str(tmp_path / "edge.yaml") in out
    assert err.startswith("  kamailio: check\nother.yaml is not there\n")


@pytest.mark.parametrize("words", [["status"], ["apply"], ["rollback", "1"]], ids=" ".join)
def test_where_no_voxgate_runs_the_advice_is_to_start_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert voxgate(tmp_path, *words) == 1
    assert capsys.readouterr().err == "no Voxgate is running here\n    start it with `voxgate run FILE`\n"


def test_a_generation_that_cannot_be_is_a_usage_error(tmp_path: Path) -> None:
    assert voxgate(tmp_path, "rollback", "0") == 2


def test_the_history_can_be_read_when_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = Record(3, datetime(2026, 1, 2, tzinfo=UTC), "ops", "apply", "adds PBX x", Outcome.APPLIED)
    History(tmp_path / "state/generations").begin(record, (SavedFile("voxgate.yaml", ""),), "")
    assert voxgate(tmp_path, "history") == 0
    assert "adds PBX x" in capsys.readouterr().out
    assert voxgate(tmp_path, "history", "--json") == 0
    assert json.loads(capsys.readouterr().out)["generations"][0]["generation"] == 3
