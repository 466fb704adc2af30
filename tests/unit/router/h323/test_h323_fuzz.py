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
    corpus = ROOT / "tests" / "fuzz" / "corpus" / "h323"
    # It writes what it finds worth keeping into the first folder.
    argv = [sys.executable, "-m", "tests.fuzz.h323_codec", str(tmp_path), str(corpus), f"-runs={RUNS}", "-max_len=800"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr
