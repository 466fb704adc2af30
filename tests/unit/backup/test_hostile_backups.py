"""A backup that somebody built, damaged or made with another Voxgate: refused with a reason, and nothing is touched."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from voxgate.backup import Scope, inspect, restore
from voxgate.backup.manifest import storable
from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EDGE = b"edge: {domain: proxy.example.com, interface: lo}\npbxs: {hq: {names: [example.com], nodes: [172.16.0.10]}}\n"


def archive(
    files: dict[str, bytes],
    change: Callable[[dict[str, Any]], object] = lambda _: None,
    add: Callable[[zipfile.ZipFile], object] = lambda _: None,
) -> bytes:
    """A backup as Voxgate writes it, its manifest changed, its archive added to."""
    entries = [
        {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "mode": 0o600}
        for path, content in files.items()
    ]
    told: dict[str, Any] = {"format": 1, "voxgate": "0.1.0", "made": "2026-11-20T03:00:00Z", "main": "voxgate.yaml"}
    told |= {"generation": 3, "files": entries}
    change(told)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for path, content in files.items():
            made.writestr(path, content)
        made.writestr("manifest.json", json.dumps(told))
        add(made)
    return buffer.getvalue()


GOOD = {"config/voxgate.yaml": EDGE, "state/topology.key": b"new"}


def link(made: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("state/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    made.writestr(info, "/etc/shadow")


def first(told: dict[str, Any], **values: object) -> None:
    told["files"][0].update(values)


def cut_hash(content: bytes) -> bytes:
    """One bit of a stored file turned over, its check sum put right: only the manifest's hash sees it."""
    with zipfile.ZipFile(io.BytesIO(content)) as good:
        told = good.read("manifest.json")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("config/voxgate.yaml", EDGE.replace(b"172", b"173"))
        made.writestr("state/topology.key", b"new")
        made.writestr("manifest.json", told)
    return buffer.getvalue()


def endless_contents(content: bytes) -> bytes:
    """The archive says that its list of contents has 3 GiB (APPNOTE.TXT 4.3.16: signature 12 bytes before the size)."""
    at = content.rfind(b"PK\5\6")
    return content[: at + 12] + struct.pack("<L", 3 << 30) + content[at + 16 :]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "a step up": (archive({**GOOD, "state/../../etc/cron.d/x": b"*"}), "belongs nowhere"),
    "an absolute path": (archive({**GOOD, "/etc/passwd": b"*"}), "belongs nowhere"),
    "another root": (archive({**GOOD, "usr/bin/x": b"*"}), "belongs nowhere"),
    "a control character": (archive({**GOOD, "state/a\nb": b"*"}), "belongs nowhere"),
    "where the former files are kept": (archive({**GOOD, "state/before-restore/x": b"*"}), "belongs nowhere"),
    "a file inside a file": (archive({**GOOD, "state/topology.key/x": b"*"}), "in what is a file"),
    "a link": (archive(GOOD, add=link), "not a plain file"),
    "a folder": (archive(GOOD, add=lambda made: made.writestr("state/x/", "")), "not a plain file"),
    "a file that is not announced": (archive(GOOD, add=lambda made: made.writestr("state/x", "")), "other files"),
    "a file that is missing": (
        archive(GOOD, lambda told: told["files"].append({**told["files"][0], "path": "state/b"})),
        "other files",
    ),
    "a file that is larger than announced": (archive(GOOD, lambda told: first(told, bytes=3)), "larger than announced"),
    "a file that is smaller": (archive(GOOD, lambda told: first(told, bytes=900)), "not as it was kept"),
    "a size that no file has": (archive(GOOD, lambda told: first(told, bytes=1 << 60)), "as a file can be"),
    "a negative size": (archive(GOOD, lambda told: first(told, bytes=-1)), "as a file can be"),
    "no hash": (archive(GOOD, lambda told: first(told, sha256="")), "as a file can be"),
    "other content": (cut_hash(archive(GOOD)), "not as it was kept"),
    "no configuration": (archive({"state/topology.key": b"new"}), "configuration is missing"),
    "a main file elsewhere": (archive({"config/a/b.yaml": EDGE}, lambda told: told.update(main="a/b.yaml")), "missing"),
    "a manifest that is no JSON": (archive(GOOD).replace(b"manifest.json", b"manifesto.jso"), "manifest.json"),
    "nobody made it": (archive(GOOD, lambda told: told.update(voxgate="x")), "which version"),
    "a newer Voxgate": (
        archive(GOOD, lambda told: told.update(voxgate="0.2.0")),
        "install Voxgate 0.2.0 or a newer one",
    ),
    "a newer form": (archive(GOOD, lambda told: told.update(format=2)), "older Voxgate"),
    "no time": (archive(GOOD, lambda told: told.update(made="yesterday")), "when it was made"),
    "a generation that is none": (archive(GOOD, lambda told: told.update(generation="3")), "no number"),
    "a file that the configuration does not name": (archive({**GOOD, "outside/etc/cron.d/x": b"*"}), "does not name"),
    "cut off": (archive(GOOD)[:-30], "no good backup"),
    "no archive": (b"edge:\n" * 1000, "no good backup"),
    "nothing": (b"", "no good backup"),
    "an endless list of contents": (endless_contents(archive(GOOD)), "no good backup"),
}


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    made = Scope(tmp_path / "etc" / "voxgate.yaml", tmp_path / "state")
    made.main.parent.mkdir()
    made.main.write_bytes(b"old")
    made.state.mkdir()
    (made.state / "topology.key").write_bytes(b"old")
    return made


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_its_reason_and_nothing_is_touched(name: str, scope: Scope, tmp_path: Path) -> None:
    content, reason = HOSTILE[name]
    file = tmp_path / "backup"
    file.write_bytes(content)
    before = everything(tmp_path)
    with pytest.raises(HostError, match=reason):
        restore(scope, file, NOW, "0.1.0", outside=True)
    assert everything(tmp_path) == before


def test_what_is_tried_here_is_otherwise_good(scope: Scope, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(archive(GOOD))
    assert inspect(file, "0.1.0").generation == 3
    assert inspect(file, "1.0.0").voxgate == "0.1.0", "what an older one made is welcome"
    restore(scope, file, NOW, "0.1.0", outside=False)
    assert (scope.main.read_bytes(), (scope.state / "topology.key").read_bytes()) == (EDGE, b"new")


def test_every_cut_of_a_backup_is_refused(scope: Scope, tmp_path: Path) -> None:
    content, file = archive(GOOD), tmp_path / "backup"
    for length in range(0, len(content), 7):
        file.write_bytes(content[:length])
        with pytest.raises(HostError, match="no good backup"):
            inspect(file, "0.1.0")


def test_every_turned_bit_is_refused_or_harmless(scope: Scope, tmp_path: Path) -> None:
    content, file = archive(GOOD), tmp_path / "backup"
    for at in range(0, len(content), 3):
        file.write_bytes(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1 :])
        try:
            restore(scope, file, NOW, "0.1.0", outside=False)
        except HostError:
            continue
        assert scope.main.read_bytes() == EDGE
        for path in (scope.main.parent, scope.state):
            for inner in (path / "before-restore").iterdir():
                inner.rename(tmp_path / f"{path.name}-{at}")


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("config/conf.d/10-hq.yaml", True),
        ("state/certificates/acme/a b.pem", True),
        ("outside/etc/ssl/x.pem", True),
        ("state/.hidden", True),
        ("state/..", False),
        ("state/", False),
        ("state", False),
        ("state//x", False),
        ("state/./x", False),
        ("state/a\\b", False),
        ("state/a\0b", False),
        ("state/" + "x" * 256, False),
        ("state/" + "x/" * 2000 + "x", False),
        ("config/.restoring/x", False),
    ],
)
def test_which_names_a_backup_may_hold(path: str, good: bool) -> None:
    assert storable(path) is good
