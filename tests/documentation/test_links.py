"""Links between the project's pages lead to files and headings that exist, as they are read in the repository."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.is_file())
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


@cache
def anchors(page: Path) -> frozenset[str]:
    """The names of a page's headings, as they are made where repositories are read."""
    found: list[str] = []
    for line in FENCE.sub("", page.read_text(encoding="utf-8")).splitlines():
        if heading := re.match(r"#{1,6} (.*)", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "")
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


def dangling(page: Path) -> list[str]:
    """Targets of this page's relative links that do not exist."""
    text = CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
    lost = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        missing = not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file))
        lost += [target] if missing else []
    return lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    assert dangling(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A heading: `so`\n\n## Twice\n\n## Twice\n")
    page = tmp_path / "page.md"
    good = (
        "[a](there.md) [b](there.md#a-heading-so) [c](there.md#twice-1) [d](https://x.example) `[e](no.md)` [f](#own)"
    )
    page.write_text(f"# Own\n\n{good}\n\n```\n[g](no.md)\n```\n[h](no.md) [i](there.md#no) [j](#no) ![k](no.svg)\n")
    assert dangling(page) == ["no.md", "there.md#no", "#no", "no.svg"]
