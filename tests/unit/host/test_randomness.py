from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from voxgate.errors import HostError
from voxgate.host.randomness import lasting_secret

if TYPE_CHECKING:
    from pathlib import Path


def test_a_secret_is_made_once_and_is_roots(tmp_path: Path) -> None:
    path = tmp_path / "state" / "topology.key"
    secret = lasting_secret(path)
    assert re.fullmatch("[0-9a-f]{32}", secret)
    assert lasting_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_are_never_the_same(tmp_path: Path) -> None:
    assert lasting_secret(tmp_path / "a") != lasting_secret(tmp_path / "b")


def test_a_line_end_from_an_editor_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    assert lasting_secret(tmp_path / "key") == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b"short"], ids=["empty", "blank", "binary", "short"])
def test_what_is_no_secret_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    assert re.fullmatch("[0-9a-f]{32}", lasting_secret(path))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError):
        lasting_secret(tmp_path / "file" / "key")
