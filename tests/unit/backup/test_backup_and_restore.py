"""What a backup keeps, and what a restore leaves: files, databases in use, the former state."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voxgate.backup import Scope, inspect, make, restore
from voxgate.cli import main
from voxgate.errors import HostError, UsageError
from voxgate.host.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MAIN = "edge: {domain: proxy.example.com, interface: lo}\npbxs: {hq: {names: [example.com], nodes: [172.16.0.10]}}\n"
BRANCH = "pbxs: {branch: {names: [branch.example.com], nodes: [172.16.8.10]}}\n"
VERSION = "0.1.0"


def put(path: Path, content: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


@pytest.fixture
def scope(tmp_path: Path) -> Iterator[Scope]:
    """An edge that has lived: a database is open and its newest rows are in the write-ahead log only."""
    made = Scope(tmp_path / "etc/voxgate/voxgate.yaml", tmp_path / "var/voxgate")
    put(made.main, MAIN, 0o644)
    put(made.folder / "conf.d/10-branch.yaml", BRANCH, 0o640)
    put(made.folder / "secrets/provider", "s3cret\n")
    put(made.folder / "notes.txt", "not ours")
    put(made.state / "generations/000002/sources/voxgate.yaml", MAIN)
    meta = {"generation": 2, "time": "2026-11-21T10:00:00Z", "by": "root", "verb": "apply", "summary": "", "reason": ""}
    put(made.state / "generations/000002/meta.json", json.dumps(meta | {"outcome": "applied"}))
    put(made.state / "certificates/acme/account.key", "key")
    put(made.state / "admin/access.json", "{}")
    (made.state / "link").symlink_to("/etc/shadow")
    os.mkfifo(made.state / "pipe")
    with closing(open_database(made.state / "cdr.db", "CREATE TABLE IF NOT EXISTS cdr (n INTEGER)")) as database:
        database.executemany("INSERT INTO cdr VALUES (?)", [(n,) for n in range(1000)])
        yield made


def contents(scope: Scope) -> dict[str, tuple[str, int]]:
    found = {}
    for folder in (scope.folder, scope.state):
        for path in sorted(folder.rglob("*")):
            ours = path.is_file() and not path.is_symlink() and "before-restore" not in path.parts
            if ours and path.suffix not in {".db", ".db-wal", ".db-shm"}:
                found[str(path)] = (path.read_text(), stat.S_IMODE(path.stat().st_mode))
    return found


def wipe(scope: Scope) -> None:
    for folder in (scope.folder, scope.state):
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_after_the_loss_of_everything_all_is_as_it_was(scope: Scope, tmp_path: Path) -> None:
    before = contents(scope)
    file = tmp_path / "edge.backup"
    made = make(scope, file, NOW, VERSION)
    assert (made.manifest.generation, stat.S_IMODE(file.stat().st_mode), made.warnings) == (2, 0o600, ())
    wipe(scope)
    done = restore(scope, file, NOW, VERSION, outside=False)
    assert (done.aside, done.problems) == ((), ())
    assert contents(scope) == {path: kept for path, kept in before.items() if not path.endswith("notes.txt")}
    with closing(sqlite3.connect(scope.state / "cdr.db")) as database:
        assert database.execute("SELECT count(*) FROM cdr").fetchone() == (1000,)
    assert not list(tmp_path.rglob(".restoring"))
    assert not list(tmp_path.glob(".voxgate-backup-*"))


def test_a_database_in_use_is_kept_as_it_was_at_one_moment(scope: Scope, tmp_path: Path) -> None:
    """Each transaction of the writer adds a pair: a copy of bytes would tear some."""
    stop = threading.Event()
    started = threading.Event()

    def write() -> None:
        with closing(open_database(scope.state / "pairs.db", "CREATE TABLE IF NOT EXISTS p (a, b)")) as database:
            while not stop.is_set():
                database.execute("BEGIN")
                database.executemany("INSERT INTO p VALUES (1, ?)", [("x" * 50,)] * 20)
                database.execute("COMMIT")
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(20)
        files = [tmp_path / f"{number}.backup" for number in range(3)]
        for file in files:
            make(scope, file, NOW, VERSION)
    finally:
        stop.set()
        writer.join()
    for number, file in enumerate(files):
        restore(scope, file, NOW + timedelta(seconds=number), VERSION, outside=False)
        with closing(sqlite3.connect(scope.state / "pairs.db")) as database:
            rows = database.execute("SELECT count(*) FROM p").fetchone()[0]
            assert rows > 0
            assert rows % 20 == 0
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_was_there_is_kept_aside(scope: Scope, tmp_path: Path) -> None:
    file = tmp_path / "edge.backup"
    make(scope, file, NOW, VERSION)
    put(scope.folder / "conf.d/20-new.yaml", BRANCH)
    put(scope.main, "edited")
    put(scope.state / "topology.key", "new")
    config, state = restore(scope, file, NOW, VERSION, outside=False).aside
    assert (config / "voxgate.yaml").read_text() == "edited"
    assert (config / "conf.d/20-new.yaml").read_text() == BRANCH
    assert (state / "topology.key").read_text() == "new"
    assert not (scope.folder / "conf.d/20-new.yaml").exists(), "or it would be merged into the restored configuration"
    assert (scope.folder / "notes.txt").read_text() == "not ours"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (config, state)} == {0o700}
    again = make(scope, tmp_path / "again.backup", NOW, VERSION).manifest
    assert not [entry for entry in again.files if "before-restore" in entry.path]


def test_a_step_that_fails_leaves_all_as_it_was(scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "edge.backup"
    make(scope, file, NOW, VERSION)
    put(scope.main, "edited")
    before = contents(scope)
    rename, left = Path.rename, [7]

    def failing(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(HostError, match="No space left"):
        restore(scope, file, NOW, VERSION, outside=False)
    assert left[0] < 0, "it moved back"
    assert contents(scope) == before


def test_files_that_the_configuration_names_elsewhere_come_back_on_demand_only(scope: Scope, tmp_path: Path) -> None:
    hook, there = tmp_path / "opt/dns-hook", tmp_path / "opt/ca.pem"
    put(hook, "#!/bin/sh\n", 0o755)
    acme = f"certificates: {{default: {{acme: {{dns: {{hook: {hook}}}}}}}}}\n"
    put(scope.folder / "conf.d/30-acme.yaml", acme)
    file = tmp_path / "edge.backup"
    made = make(scope, file, NOW, VERSION)
    assert f"outside{hook}" in {entry.path for entry in made.manifest.files}, made.warnings
    wipe(scope)
    hook.unlink()
    put(there, "mine")
    done = restore(scope, file, NOW, VERSION, outside=False)
    assert (done.written, done.missing, hook.exists()) == ((), (hook,), False)
    done = restore(scope, file, NOW + timedelta(seconds=1), VERSION, outside=True)
    assert (done.written, done.missing, hook.read_text()) == ((hook,), (), "#!/bin/sh\n")
    assert stat.S_IMODE(hook.stat().st_mode) == 0o755
    put(hook, "edited", 0o755)
    restore(scope, file, NOW + timedelta(seconds=2), VERSION, outside=True)
    assert hook.read_text() == "edited", "what is there is never overwritten"


def test_a_backup_never_replaces_a_file_and_never_lies_in_what_it_keeps(scope: Scope, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("precious")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for target in (there, tmp_path / "dangling", scope.state / "x.backup", tmp_path / "no/such/folder/x"):
        with pytest.raises(UsageError):
            make(scope, target, NOW, VERSION)
    assert there.read_text() == "precious"


def test_a_broken_configuration_is_kept_as_well(scope: Scope, tmp_path: Path) -> None:
    put(scope.main, "edge: [")
    made = make(scope, tmp_path / "edge.backup", NOW, VERSION)
    assert "mistakes" in made.warnings[0]
    done = restore(scope, tmp_path / "edge.backup", NOW, VERSION, outside=False)
    assert scope.main.read_text() == "edge: ["
    assert done.problems


def test_the_verbs_say_what_they_did_and_check_changes_nothing(
    scope: Scope, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edge.backup"
    folders = ["--state-dir", str(scope.state), "--run-dir", str(tmp_path / "run")]
    config = ["--config", str(scope.main)]
    assert main([*folders, "backup", str(file), *config, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["generation"], told["bytes"]) == (str(file), 2, file.stat().st_size)
    assert main([*folders, "restore", str(file), *config, "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["restored"] is False
    assert not (scope.state / "before-restore").exists()
    assert main([*folders, "restore", str(file), *config, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["aside"]) == 2
    actions = [json.loads(line)["action"] for line in (scope.state / "admin/audit.log").read_text().splitlines()]
    assert actions == ["restore"], "of the backup itself only the former books know"
    assert main([*folders, "restore", str(tmp_path / "none"), *config]) == 1
    assert inspect(file, VERSION).main == "voxgate.yaml"
