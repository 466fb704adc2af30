import os
import stat
from pathlib import Path

import pytest

from voxgate.errors import HostError
from voxgate.host import files


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_written_once_and_left_alone_while_it_is_as_it_should_be(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    assert files.write(path, b"one") is True
    before = path.stat()
    assert files.write(path, b"one") is False
    assert path.stat().st_ino == before.st_ino
    assert files.write(path, b"two") is True
    assert path.read_bytes() == b"two"
    assert mode_of(path) == 0o640
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["policy.json"]


def test_a_wrong_mode_is_corrected_though_the_content_is_right(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"key")
    path.chmod(0o644)
    assert files.write(path, b"key", mode=0o600) is True
    assert mode_of(path) == 0o600


def test_a_link_in_the_files_place_is_replaced_and_its_target_is_untouched(tmp_path: Path) -> None:
    victim = tmp_path / "shadow"
    victim.write_bytes(b"secret")
    path = tmp_path / "tls.cfg"
    path.symlink_to(victim)
    files.write(path, b"ours")
    assert (victim.read_bytes(), path.is_symlink(), path.read_bytes()) == (b"secret", False, b"ours")


def test_a_link_in_the_temporary_files_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "shadow"
    victim.write_bytes(b"secret")
    (tmp_path / ".tls.cfg.new~").symlink_to(victim)
    files.write(tmp_path / "tls.cfg", b"ours")
    assert victim.read_bytes() == b"secret"


def make_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_large(path: Path) -> None:
    path.write_bytes(b"x" * 11)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda path: None, "No such file", id="nothing there"),
        pytest.param(make_link, "symbolic links", id="a link"),
        pytest.param(make_fifo, "not a regular file", id="a FIFO nobody writes to"),
        pytest.param(Path.mkdir, "not a regular file", id="a folder"),
        pytest.param(make_large, "larger than 10 bytes", id="too large"),
    ],
)
def test_reading_refuses_what_is_no_file_of_bounded_size(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "thing"
    assert callable(make)
    make(path)
    with pytest.raises(HostError, match=words):
        files.read(path, most_bytes=10)


def test_a_folder_gets_the_mode_asked_for_also_when_it_exists(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "kamailio"
    files.ensure_folder(folder)
    assert mode_of(folder) == 0o750
    files.ensure_folder(folder, mode=files.SHARED_FOLDER_MODE)
    assert mode_of(folder) == 0o1770


def test_a_link_in_a_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(HostError, match="could not be made a folder"):
        files.ensure_folder(tmp_path / "link")


def test_emptying_a_folder_does_not_reach_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    ours = tmp_path / "ours"
    (ours / "deep").mkdir(parents=True)
    (ours / "deep" / "file").touch()
    (ours / "link").symlink_to(outside)
    files.wipe_folder(ours)
    assert (list(ours.iterdir()), (outside / "kept").exists()) == ([], True)


def test_removing_tells_whether_there_was_something(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert (files.remove(tmp_path / "a"), files.remove(tmp_path / "a")) == (True, False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to groups")
def test_an_unknown_group_is_an_error_of_this_machine_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no group nobodies-of-tomorrow"):
        files.write(tmp_path / "a", b"", group="nobodies-of-tomorrow")
    assert list(tmp_path.iterdir()) == []
