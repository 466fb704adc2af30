"""For all tests: what the edge complained about stands in the report of a failure, because CI keeps nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from lab.edge import Edge

if TYPE_CHECKING:
    from collections.abc import Generator

# A busy machine is no failure.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

COMPLAINTS = (" WARNING ", " ERROR ", " CRITICAL ")
MOST_LINES = 30


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for edge in edges(getattr(item, "funcargs", {}).values()):
            lines = [line for line in edge.text().splitlines() if any(word in line for word in COMPLAINTS)]
            report.sections.append((f"complaints of the edge in {edge.folder}", "\n".join(lines[-MOST_LINES:])))
    return report


def edges(values: object) -> Generator[Edge]:
    """The edges among a test's fixtures, in a Stage, or in what holds one."""
    for value in values if hasattr(values, "__iter__") else ():
        place = getattr(value, "stage", value)
        edge = place if isinstance(place, Edge) else getattr(place, "edge", None)
        if isinstance(edge, Edge):
            yield edge
