"""The documentation's site: it builds without a warning, and a reader's browser asks nobody else for anything."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[2]
#: What a browser fetches by itself: element -> attribute.
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


class Fetches(HTMLParser):
    """Collects what a page makes a browser fetch, and what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = dict(attrs)
        self.classes |= set((have.get("class") or "").split())
        if target := have.get(FETCHED.get(tag, "")):
            self.found.append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` does; a dangling link, a lost anchor or an unknown page ends it."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    made = {path.relative_to(site) for path in site.rglob("*.html")}
    assert {page.parent / ("index" if page.stem == "README" else page.stem) for page in pages} <= {
        page.with_suffix("") for page in made
    }
    assert "Kamailio" in (site / "project" / "architecture.html").read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        seen = Fetches()
        seen.feed(page.read_text(encoding="utf-8"))
        assert [target for target in seen.found if "//" in target] == [], page
        # The theme would fetch the program that draws these.
        assert "mermaid" not in seen.classes, page
    for sheet in site.rglob("*.css"):
        assert "url(http" not in sheet.read_text(encoding="utf-8"), sheet
