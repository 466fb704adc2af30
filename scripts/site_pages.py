"""For mkdocs: pages of the site that lie beside docs/, and a menu without pages that are not there (yet).

Files refer to each other as they lie in the repository; here the links follow them to their places in the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
#: File of the repository -> its place among the pages.
GUESTS = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changes.md",
    "SECURITY.md": "project/security.md",
    "CONTRIBUTING.md": "project/contributing.md",
}
_LINK = re.compile(r"(\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leave out of the menu what does not exist."""
    config.nav = _existing(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the guests."""
    for source, place in GUESTS.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links lead to where their files are in the site."""
    homes = {place: source for source, place in GUESTS.items()}
    here = page.file.src_uri
    home = homes.get(here, f"docs/{here}")

    def moved(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(home), found[2]))
        place = GUESTS.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else "")
        # Code, the licence, the list of packages: they are in the repository, not in the site.
        return found[1] + (posixpath.relpath(place, posixpath.dirname(here) or ".") if place else found[2]) + found[3]

    return _LINK.sub(moved, markdown)


def _existing(entries: list[Any], folder: Path) -> list[Any]:
    """The part of a menu whose pages exist."""
    kept: list[Any] = []
    for entry in entries:
        ((name, target),) = entry.items() if isinstance(entry, dict) else (("", entry),)
        if isinstance(target, list):
            if below := _existing(target, folder):
                kept.append({name: below})
        elif target in GUESTS.values() or (folder / target).exists():
            kept.append(entry)
    return kept
