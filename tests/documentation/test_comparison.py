"""The comparison and the security model promise nothing without a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")


def test_each_row_says_what_voxgate_has_and_by_which_test() -> None:
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("|") and "---" not in line]
    rows = [[cell.strip() for cell in row] for row in rows]
    assert len(rows) > 50
    for row in rows:
        if row[0]:
            name, _, _, ours, tests = row
            assert ours, name
            assert tests or ours == "no", f"{name}: nothing tests it"


def test_the_tests_that_they_name_exist() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    named |= set(re.findall(r"`(test_\w+\.py)`", (ROOT / "docs" / "security-model.md").read_text(encoding="utf-8")))
    assert named <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}
