"""The reference pages of the command line and of the API are those of this version."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxgate.cli import VERBS
from voxgate.cli.reference import PAGES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_up_to_date(page: str) -> None:
    assert (REFERENCE / f"{page}.md").read_text(encoding="utf-8") == PAGES[page](), "run: make docs"


def test_every_verb_has_its_sentence_and_arguments() -> None:
    text = PAGES["cli"]()
    for verb in VERBS:
        _, found, after = text.partition(f"\n## voxgate {verb}\n\n")
        assert found, verb
        sentence = after.partition("\n")[0]
        assert sentence[0].isupper(), verb
        assert sentence.endswith("."), verb
    # A verb below a verb, an argument with choices, one that may be left out.
    assert "\n### voxgate dns plan\n" in text
    assert "asterisk\\|freepbx" in text
    assert "| `[FILE]` |" in text


def test_every_request_stands_there_once() -> None:
    text = PAGES["api"]()
    assert text.count("| `PUT /api/v1/pbxs/{name}` |") == 1
    assert "[Pbx](configuration.md#pbxs)" in text
    assert "\n### ProblemBody\n" in text
