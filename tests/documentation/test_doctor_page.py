"""The doctor's page has a row for every finding, and names none that is not made."""

from __future__ import annotations

import re

from tests.package.building import ROOT

_MADE = re.compile(r'Finding\(\s*f?"([a-z0-9-]+(?:\{view\})?)"')


def test_every_finding_stands_on_its_page() -> None:
    rules = [path.read_text() for path in (ROOT / "src/voxgate/doctor").glob("*rules.py")]
    made = {code for text in rules for code in _MADE.findall(text)}
    made = (made - {"dns-{view}"}) | {"dns-public", "dns-inside"}
    rows = re.findall(r"^\| (`[^|]+) \|", (ROOT / "docs/doctor.md").read_text(), re.MULTILINE)
    assert {code for row in rows for code in re.findall(r"`([a-z0-9-]+)`", row)} == made
    assert len(made) > 40
