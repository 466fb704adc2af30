"""The package of this tree: what is in it, whose it is, and that the same tree gives the same package."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.package.building import OWN_PYTHON, ROOT, built, unpacked

if TYPE_CHECKING:
    from pathlib import Path

#: systemd's own measure of what a service may do, 0 (nothing) to 10; our engines need networks, users and nftables.
MOST_EXPOSED = 35


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For this machine's Python alone, whose libraries are there already; hardly compressed."""
    variables = {"PACKAGE_PYTHONS": OWN_PYTHON, "PACKAGE_COMPRESSION": "gzip", "PACKAGE_VERSION": "0.0.1~test"}
    return built(tmp_path_factory.mktemp("package"), **variables)


@pytest.fixture(scope="module")
def root(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(package, tmp_path_factory.mktemp("root") / "root")


def test_it_depends_on_every_engine_and_on_pythons_that_it_has_libraries_for(root: Path) -> None:
    control = (root / "DEBIAN/control").read_text()
    depends = next(line for line in control.splitlines() if line.startswith("Depends: ")).removeprefix("Depends: ")
    names = {entry.split()[0] for entry in depends.split(", ")}
    lines = (ROOT / "scripts/packages-runtime.txt").read_text().splitlines()
    wanted = {line.split()[0] for line in lines if line and not line.startswith("#")}
    assert names == (wanted - {"python3-venv"}) | {"passwd"}
    assert "python3 (>= 3.11), python3 (<< 3.14)" in depends
    assert re.search(r"^Version: 0\.0\.1~test$", control, re.MULTILINE)


def test_nothing_in_it_is_writable_for_others_or_left_over_from_this_machine(root: Path) -> None:
    paths = [path for path in root.rglob("*") if "DEBIAN" not in path.parts]
    assert not [path for path in paths if not path.is_symlink() and path.stat().st_mode & 0o7022]
    assert not [path for path in paths if path.suffix == ".pyc" or path.name in {"RECORD", "direct_url.json"}]
    here = str(ROOT).encode()
    assert not [path for path in paths if path.is_file() and not path.is_symlink() and here in path.read_bytes()]


def test_keys_and_records_are_in_folders_that_only_root_enters(root: Path) -> None:
    modes = {name: stat.S_IMODE((root / name).stat().st_mode) for name in ("etc/voxgate/secrets", "var/lib/voxgate")}
    assert modes == {"etc/voxgate/secrets": 0o700, "var/lib/voxgate": 0o750}
    assert not list((root / "etc/voxgate").rglob("*.yaml")), "the configuration is the administrator's alone"


def test_its_program_runs_with_the_libraries_that_are_in_it_alone(root: Path) -> None:
    home = root / "usr/lib/voxgate"
    program = "import sys, voxgate.cli, pydantic, cryptography.x509, fastapi; print(pydantic.__file__, sys.prefix)"
    said = subprocess.run(
        [home / "bin/python", "-I", "-B", "-c", program], capture_output=True, text=True, env={}, timeout=60, check=True
    ).stdout.split()
    assert said == [f"{home}/lib/python{OWN_PYTHON}/site-packages/pydantic/__init__.py", str(home)]
    assert (root / "usr/bin/voxgate").readlink().as_posix() == "../lib/voxgate/bin/voxgate"
    shown = subprocess.run(
        [home / "bin/python", "-I", "-B", home / "bin/voxgate", "--help"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "restore" in shown.stdout
    assert ".SH SYNOPSIS" in gzip.decompress((root / "usr/share/man/man8/voxgate.8.gz").read_bytes()).decode()


@pytest.mark.parametrize("script", ["preinst", "postinst", "prerm", "postrm"])
def test_the_maintainer_scripts_are_good_shell_that_ends_at_a_fault(script: str, root: Path) -> None:
    file = root / "DEBIAN" / script
    subprocess.run(["sh", "-n", file], check=True, timeout=10)
    assert "\nset -e\n" in file.read_text()
    assert os.access(file, os.X_OK)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze on this machine")
def test_systemd_takes_the_unit_and_finds_it_confined(root: Path) -> None:
    (root / "usr/lib/systemd/system").mkdir(parents=True, exist_ok=True)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={root}", "voxgate.service"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    ours = [line for line in verified.stderr.splitlines() if "voxgate.service" in line and "not executable" not in line]
    assert ours == []
    confined = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--root={root}", f"--threshold={MOST_EXPOSED}", "--no-pager",
         "voxgate.service"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert confined.returncode == 0, confined.stdout[-400:] + confined.stderr


def test_a_container_gets_the_same_powers_as_the_unit() -> None:
    unit = (ROOT / "packaging/deb/voxgate.service").read_text()
    kept = {name for line in re.findall(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE) for name in line.split()}
    (added,) = re.findall(r"--cap-add (\S+)", (ROOT / "docs/install.md").read_text())
    assert {f"CAP_{name}" for name in added.split(",")} == kept


def test_the_same_tree_gives_the_same_package(package: Path, tmp_path: Path) -> None:
    variables = {"PACKAGE_PYTHONS": OWN_PYTHON, "PACKAGE_COMPRESSION": "gzip", "PACKAGE_VERSION": "0.0.1~test"}
    again = built(tmp_path, **variables, TMPDIR=str(tmp_path), TZ="Asia/Tokyo", UV_OFFLINE="1")
    assert again.read_bytes() == package.read_bytes(), "and without a network"
