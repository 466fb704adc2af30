"""A journal grows at its end, keeps to its room, and opens anew what somebody took away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from voxgate.errors import HostError
from voxgate.host.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path


def test_the_older_half_goes_when_the_room_is_used(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log", most_bytes=100)
    for number in range(20):
        journal.append(b"line %03d\n" % number)
    kept = (tmp_path / "log.1").read_bytes() + (tmp_path / "log").read_bytes()
    assert kept.endswith(b"line 019\n")
    assert len(kept) <= 100
    assert kept.splitlines() == [b"line %03d" % number for number in range(20 - len(kept) // 9, 20)]


def test_it_goes_on_where_a_former_process_ended_and_follows_new_room(tmp_path: Path) -> None:
    Journal(tmp_path / "log", most_bytes=1000).append(b"a" * 40 + b"\n")
    again = Journal(tmp_path / "log", most_bytes=1000)
    again.append(b"b\n")
    assert (tmp_path / "log").read_bytes() == b"a" * 40 + b"\nb\n"
    again.most_bytes = 60
    again.append(b"c\n")
    assert (tmp_path / "log").read_bytes() == b"c\n"
    assert (tmp_path / "log").stat().st_mode & 0o007 == 0


def test_it_never_writes_through_a_link_and_tries_again_later(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    journal = Journal(tmp_path / "log", most_bytes=1000)
    with pytest.raises(HostError, match="log cannot be written"):
        journal.append(b"x\n")
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "log").unlink()
    journal.append(b"y\n")
    assert (tmp_path / "log").read_bytes() == b"y\n"
