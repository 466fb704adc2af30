"""Real calls through a real edge in a network of namespaces. Needs root; without it the tests are skipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.scenarios import compatibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.engine)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what works with what, when that was tried."""
    results: compatibility.Results = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", ()):
                if name == "compatibility":
                    row, feature = value
                    results[compatibility.Row(*row), feature] = outcome == "passed"
    if results:
        terminalreporter.section("what works with what")
        for line in compatibility.lines(results):
            terminalreporter.write_line(line)
        known = Counter(
            report.wasxfail
            for report in terminalreporter.getreports("xfailed")
            if any(name == "compatibility" for name, _ in report.user_properties)
        )
        for reason, count in known.items():
            terminalreporter.write_line(f"known:    {count} tests: {reason}")


@pytest.fixture(scope="module")
def folders() -> Iterator[Callable[[], Path]]:
    """Makes folders, a fresh one for each edge."""
    made: list[Path] = []

    def make() -> Path:
        # Not pytest's own: the path must be short (Unix sockets) and open to the engines' users.
        folder = Path(tempfile.mkdtemp(prefix="vg-", dir="/tmp"))
        folder.chmod(0o755)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)
