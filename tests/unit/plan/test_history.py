from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from voxgate.errors import UsageError
from voxgate.plan.history import (
    History,
    Outcome,
    Record,
    SavedFile,
    WayBack,
    loadable,
    put_back,
    read_sources,
    saved,
    way_back,
)

if TYPE_CHECKING:
    from pathlib import Path

MAIN = SavedFile("voxgate.yaml", "edge: 1\n")
PART = SavedFile("conf.d/branch.yaml", "pbxs: 1\n")


def record(generation: int, outcome: Outcome = Outcome.APPLIED) -> Record:
    return Record(generation, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "root", "apply", "adds PBX x", outcome)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "generations", kept=3)


def test_what_was_kept_is_read_back(history: History) -> None:
    history.begin(record(1), (PART, MAIN), "the plan\n")
    assert history.records() == (record(1),)
    assert history.sources(1) == (MAIN, PART)


def test_the_outcome_is_known_later(history: History) -> None:
    history.begin(record(1, Outcome.STARTED), (MAIN,), "")
    assert history.running() is None
    history.finish(1, Outcome.ROLLED_BACK, "kamailio: restart: refused")
    (found,) = history.records()
    assert (found.outcome, found.reason) == (Outcome.ROLLED_BACK, "kamailio: restart: refused")


@pytest.mark.parametrize("torn", ["no meta.json", "half a meta.json"])
def test_what_a_crash_left_is_no_generation_but_its_number_is_used(history: History, tmp_path: Path, torn: str) -> None:
    history.begin(record(1), (MAIN,), "")
    history.begin(record(2), (MAIN,), "")
    meta = tmp_path / "generations/000002/meta.json"
    if torn == "no meta.json":
        meta.unlink()
    else:
        meta.write_bytes(meta.read_bytes()[:40])
    assert [found.generation for found in history.records()] == [1]
    assert history.next_generation() == 3


def test_nobody_else_may_look(history: History, tmp_path: Path) -> None:
    history.begin(record(1), (MAIN, PART), "")
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert {mode for path, mode in modes.items() if "." in path.rsplit("/", 1)[-1] and path[-2:] != ".d"} == {0o600}
    assert modes["generations"] == modes["generations/000001"] == 0o700


def test_only_the_newest_are_kept_and_always_the_running_one(history: History) -> None:
    history.begin(record(1), (MAIN,), "")
    for number in range(2, 8):
        history.begin(record(number, Outcome.FAILED), (MAIN,), "")
    assert [found.generation for found in history.records()] == [1, 5, 6, 7]


def test_the_one_before_is_the_last_that_ran(history: History) -> None:
    for number, outcome in enumerate((Outcome.APPLIED, Outcome.FAILED, Outcome.APPLIED), start=1):
        history.begin(record(number, outcome), (MAIN,), "")
    before = history.before(3)
    assert before
    assert before.generation == 1
    assert history.before(1) is None


def test_a_generation_that_never_was_is_refused_with_those_that_were(history: History) -> None:
    history.begin(record(4), (MAIN,), "")
    with pytest.raises(UsageError, match=r"no generation 9\n    known: 4 to 4"):
        history.sources(9)


WAYS = [
    ("nothing", (MAIN, PART), (MAIN, PART), WayBack((), ())),
    ("an edit", (MAIN,), (SavedFile("voxgate.yaml", "x"),), WayBack((MAIN,), ())),
    ("a file since", (MAIN,), (MAIN, PART), WayBack((), ("conf.d/branch.yaml",))),
    ("a file then", (MAIN, PART), (MAIN,), WayBack((PART,), ())),
    ("another main name", (SavedFile("old.yaml", MAIN.text),), (MAIN,), WayBack((), ())),
]


@pytest.mark.parametrize(("wanted", "on_disk", "way"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS])
def test_the_way_back_is_the_smallest(
    tmp_path: Path, wanted: tuple[SavedFile, ...], on_disk: tuple[SavedFile, ...], way: WayBack
) -> None:
    assert way_back(tmp_path / "voxgate.yaml", wanted, on_disk) == way


def test_put_back_makes_the_files_those_of_then(tmp_path: Path) -> None:
    main = tmp_path / "voxgate.yaml"
    (tmp_path / "conf.d").mkdir()
    main.write_text("edited")
    main.chmod(0o644)
    (tmp_path / "conf.d/new.yaml").write_text("new")
    put_back(main, way_back(main, (MAIN, PART), read_sources(main)))
    assert read_sources(main) == (MAIN, PART)
    assert main.stat().st_mode & 0o777 == 0o644


def test_a_broken_file_is_kept_byte_by_byte(tmp_path: Path, history: History) -> None:
    main = tmp_path / "voxgate.yaml"
    main.write_bytes(b"edge: \xff\xfe\r\n")
    history.begin(record(1, Outcome.SAVED), read_sources(main), "")
    main.write_bytes(b"")
    put_back(main, way_back(main, history.sources(1), read_sources(main)))
    assert main.read_bytes() == b"edge: \xff\xfe\r\n"


def test_kept_files_can_be_loaded_as_if_they_lay_in_their_place(tmp_path: Path) -> None:
    main = tmp_path / "edge.yaml"
    sources = loadable(main, (MAIN, PART))
    assert [source.path for source in sources] == [str(main), str(tmp_path / "conf.d/branch.yaml")]
    assert saved(main, sources) == (SavedFile("edge.yaml", MAIN.text), PART)
