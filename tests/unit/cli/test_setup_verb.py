"""`voxgate setup` and a Voxgate that waits: what is told, to whom, and what where nobody waits."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from voxgate.admin.invitation import KEPT, Invitation, invitation_of
from voxgate.cli import main
from voxgate.host.console import is_journal

if TYPE_CHECKING:
    from pathlib import Path

INVITATION = Invitation("/etc/voxgate/voxgate.yaml", ("http://127.0.0.1:8440/setup?token=vgt_x",), "AA:BB")


def told(run_dir: Path, *words: str) -> int:
    return main(["--run-dir", str(run_dir), *words])


def test_what_waits_is_told_to_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / KEPT).write_text(json.dumps(INVITATION.to_json()))
    assert (told(tmp_path, "setup"), capsys.readouterr().out) == (0, f"{INVITATION}\n")
    assert told(tmp_path, "setup", "--json") == 0
    assert json.loads(capsys.readouterr().out) == INVITATION.to_json()
    assert told(tmp_path, "status") == 1
    assert "voxgate setup tells where" in capsys.readouterr().err
    words = ("init", "--domain", "e.example.com", "--pbx", "hq=192.0.2.1", "--output", str(tmp_path / "v.yaml"))
    assert told(tmp_path, *words) == 0
    assert "systemctl restart voxgate" in capsys.readouterr().out


def test_where_nobody_waits_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (told(tmp_path, "setup"), "no Voxgate waits" in capsys.readouterr().err) == (1, True)
    (tmp_path / "control.sock").touch()
    assert (told(tmp_path, "setup"), "has its configuration" in capsys.readouterr().err) == (1, True)
    (tmp_path / KEPT).write_text("{")
    assert (told(tmp_path, "setup"), "another version" in capsys.readouterr().err) == (1, True)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"file": "x", "addresses": "y", "fingerprint": "z"}', b"\xff"])
def test_what_is_no_invitation_is_none(data: bytes) -> None:
    assert invitation_of(data) is None
    assert invitation_of(json.dumps(INVITATION.to_json()).encode()) == INVITATION


def test_only_the_stream_that_systemd_names_is_its_journal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        found = os.fstat(log.fileno())
        assert is_journal(log.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not is_journal(log.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal(log.fileno(), {})
    assert not is_journal(-1, {"JOURNAL_STREAM": "0:0"})
