"""Round trip: one value changes, everything the operator wrote around it stays."""

from __future__ import annotations

import pytest

from voxgate.config.save import Value, remove, set_value
from voxgate.errors import UsageError

TEXT = """\
# our edge
edge:
  domain: "proxy.example.com"  # public

pbxs:
  hq:   # head office
    names:
      - example.com   # the main one
      - hq.example.com
    nodes: [172.16.0.10, {address: 172.16.0.11, weight: 50}]
    password: !secret carrier
"""

CHANGES: dict[str, tuple[str, Value, str, str]] = {
    "a value": ("edge.domain", "edge.example.com", '"proxy.example.com"  #', '"edge.example.com"  #'),
    "an item of a list": ("pbxs.hq.names[1]", "voice.example.com", "hq.example.com", "voice.example.com"),
    "a key inside a list": ("pbxs.hq.nodes[1].weight", 75, "weight: 50", "weight: 75"),
    "the item after the last": (
        "pbxs.hq.names[2]",
        "new.example.com",
        "- hq.example.com\n",
        "- hq.example.com\n      - new.example.com\n",
    ),
    "a key on a new path": (
        "media.ports",
        "30000-39999",
        "!secret carrier\n",
        "!secret carrier\nmedia:\n  ports: 30000-39999\n",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_setting_a_value_changes_its_own_line_and_no_other(name: str) -> None:
    key, value, old, new = CHANGES[name]
    assert old in TEXT
    changed = set_value(TEXT, key, value)
    assert [line.split() for line in changed.splitlines()] == [
        line.split() for line in TEXT.replace(old, new).splitlines()
    ]
    assert changed.count("# ") == TEXT.count("# ")


def test_lists_without_indent_stay_without_indent() -> None:
    text = "pbxs:\n  hq:\n    names:\n    - a.example\n    - b.example\n"
    assert set_value(text, "pbxs.hq.names[0]", "c.example") == text.replace("a.example", "c.example")


def test_an_empty_file_takes_its_first_key() -> None:
    assert set_value("", "edge.domain", "proxy.example.com") == "edge:\n  domain: proxy.example.com\n"


def test_removing_a_key_keeps_the_others() -> None:
    changed = remove(TEXT, "pbxs.hq.nodes")
    assert "nodes" not in changed
    assert remove(changed, "pbxs.hq.password").endswith("- hq.example.com\n")
    assert "# the main one" in changed


@pytest.mark.parametrize("key", ["", "a..b", ".a", "edge domain", "pbxs.hq.names[9]", "edge.domain.x", "edge[0]"])
def test_a_key_that_does_not_fit_is_refused(key: str) -> None:
    with pytest.raises(UsageError):
        set_value(TEXT, key, "x")


@pytest.mark.parametrize("key", ["media", "pbxs.hq.sip.udp", "pbxs.hq.names[2]"])
def test_what_is_not_there_cannot_be_removed(key: str) -> None:
    with pytest.raises(UsageError):
        remove(TEXT, key)


@pytest.mark.parametrize("text", ["a: [", "- a\n", "a: 1\na: 2\n"])
def test_a_text_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        set_value(text, "edge.domain", "x")
