"""The page of causes names each one that the rules know, and the scenes in which they are made for real."""

from __future__ import annotations

import re
from pathlib import Path

from tests.engine import test_call_quality, test_explain, test_explain_more
from tests.unit.calls.autopsy.test_explained_causes import CASES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
MODULES = {Path(str(module.__file__)).name: module for module in (test_call_quality, test_explain, test_explain_more)}
#: So many at least are no mere words.
REAL = 20


def rows() -> list[tuple[set[str], dict[str, list[str]]]]:
    """Causes, and by file the scenes or tests that make them."""
    found = []
    for line in PAGE.splitlines():
        if not line.startswith("| `"):
            continue
        causes, _, places = (cell.strip() for cell in line.strip("|").split("|"))
        scenes = {}
        for place in places.split("; ") if places != "-" else []:
            file, _, names = place.partition(": ")
            scenes[file.strip("`")] = names.split(", ")
        found.append((set(re.findall(r"`([a-z-]+)`", causes)), scenes))
    return found


def test_every_cause_has_its_place_on_the_page() -> None:
    told = [cause for causes, _ in rows() for cause in causes]
    assert len(told) == len(set(told))
    assert {name for _, name, _ in CASES} <= set(told)


def test_more_than_twenty_causes_are_made_for_real() -> None:
    assert len({cause for causes, scenes in rows() if scenes for cause in causes}) > 2 * REAL


def test_each_scene_exists_and_is_about_that_cause() -> None:
    for causes, scenes in rows():
        for file, names in scenes.items():
            module = MODULES[file]
            source = (ROOT / "tests" / "engine" / file).read_text(encoding="utf-8")
            assert any(f'"{cause}' in source for cause in causes), (file, causes)
            for name in names:
                scene = getattr(module, "SCENES", {}).get(name) or getattr(module, "CALLS", {}).get(name)
                assert scene or hasattr(module, name), f"{file} has no {name}"
                if file == "test_explain_more.py" and scene:
                    assert scene[1] in causes, name
