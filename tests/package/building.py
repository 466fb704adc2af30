"""The package, built as `make package` builds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def built(folder: Path, **variables: str) -> Path:
    """A new package in `folder`; `variables` as the build script has them."""
    command = [str(ROOT / "packaging/build"), str(folder)]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    (package,) = folder.glob("*.deb")
    return package


def unpacked(package: Path, folder: Path) -> Path:
    """What it holds, with its control files in `DEBIAN`."""
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True, timeout=60)
    return folder
