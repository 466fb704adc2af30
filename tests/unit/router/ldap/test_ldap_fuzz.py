"""The fuzzer finds nothing from where earlier runs left off (coverage-guided, where atheris has a build)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
RUNS = 15_000


def test_the_fuzzer_finds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    corpus = ROOT / "tests" / "fuzz" / "corpus" / "ldap"
    # It writes what it finds worth keeping into the first folder.
    argv = [sys.executable, "-m", "tests.fuzz.ldap_connection", str(tmp_path), str(corpus), f"-runs={RUNS}"]
    done = subprocess.run(
        [*argv, "-max_len=800", f"-artifact_prefix={tmp_path}/"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr
