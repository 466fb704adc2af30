"""The pages of the places: drawings are made from the networks that the tests build, files are those tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.drawing import draw
from lab.sites import SITES, Site

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("site", SITES.values(), ids=lambda site: str(site.name))
def test_a_place_has_its_page_drawing_and_file(site: Site) -> None:
    page = (DOCS / "scenarios" / f"{site.name}.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert shown == (DOCS / "examples" / f"{site.name}.yaml").read_text(encoding="utf-8")
    assert (DOCS / "scenarios" / f"{site.name}.svg").read_text(encoding="utf-8") == draw(site), "run: make docs"
    assert f"({site.name}.md)" in (DOCS / "scenarios" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("site", SITES.values(), ids=lambda site: str(site.name))
def test_a_drawing_shows_every_part_once_and_fetches_nothing(site: Site) -> None:
    text = draw(site)
    words = re.findall(r"<text [^>]*>([^<]*)</text>", text)
    hosts = [host for host in site.topology.hosts if host.name != "internet"]
    drawn = [name for row in site.rows if row[0] not in site.topology.segments for name in row]
    assert sorted(drawn) == sorted(host.name for host in hosts)
    assert sorted(row[0] for row in site.rows if row[0] in site.topology.segments) == sorted(site.topology.segments)
    for address in site.reach.values():
        assert any(address in line for line in words), address
    assert "href" not in text


def test_a_configuration_names_what_is_drawn() -> None:
    for site in SITES.values():
        text = (DOCS / "examples" / f"{site.name}.yaml").read_text(encoding="utf-8")
        assert site.topology.host(site.pbx).ipv4() in text, site.name
