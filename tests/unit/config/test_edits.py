"""Changes of values become changes of texts: in the right file, with comments, with secrets, and with ETags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from voxgate.config.edits import edited
from voxgate.config.load import Source
from voxgate.config.raw import etag, etag_of_files, missing, place_of, plain, tree, value_at
from voxgate.config.save import set_at
from voxgate.errors import ConfigError, UsageError

MAIN = """\
# our edge
edge:
  domain: proxy.example.com  # public
pbxs:
  hq:  # head office
    names: [example.com, hq.example.com]  # both
    nodes:
      - 172.16.0.10  # first
      - address: 172.16.0.11
        weight: 50  # half
    password: !secret carrier  # kept elsewhere
"""
MORE = """\
pbxs:
  branch:  # far away
    names: [branch.example.com]
    nodes: [172.16.8.10]
"""
BOTH = (Source("/etc/voxgate/voxgate.yaml", MAIN), Source("/etc/voxgate/conf.d/more.yaml", MORE))


@dataclass(frozen=True)
class Change:
    key: tuple[str | int, ...]
    value: Any = None
    remove: bool = False


def test_a_whole_object_is_replaced_and_what_is_the_same_keeps_its_comments() -> None:
    value: dict[str, Any] = {
        "names": ["example.com", "hq.example.com"],
        "nodes": ["172.16.0.10", {"address": "172.16.0.11", "weight": 60}, "172.16.0.12"],
        "password": {"$secret": "carrier"},
        "balance": "weight",
    }
    made = set_at(MAIN, ("pbxs", "hq"), value)
    expected = MAIN.replace("weight: 50", "weight: 60").replace("  # half\n", "  # half\n      - 172.16.0.12\n")
    assert made == expected + "    balance: weight\n"


@pytest.mark.parametrize(
    ("change", "file", "line"),
    [
        (Change(("pbxs", "hq", "balance"), "weight"), 0, "    balance: weight\n"),
        (Change(("pbxs", "branch", "balance"), "weight"), 1, "    balance: weight\n"),
        (Change(("pbxs", "new"), {"names": ["a.example"]}), 0, "  new:\n    names:\n"),
        (Change(("media", "ports"), "30000-31000"), 0, "media:\n  ports: 30000-31000\n"),
        (Change(("trunks", "c", "dids", "0555X."), "hq"), 0, "      0555X.: hq\n"),
        (Change(("trunks", "c", "dids", "0555"), "hq"), 0, "      '0555': hq\n"),
        (Change(("pbxs", "hq", "password"), {"$secret": "other"}), 0, "    password: !secret other"),
    ],
)
def test_each_change_goes_where_its_key_stands(change: Change, file: int, line: str) -> None:
    made = edited(BOTH, [change])
    assert line in made[file].text
    assert made[1 - file] == BOTH[1 - file]
    assert value_at(plain(tree(made)), change.key) == change.value


def test_what_is_removed_is_removed_in_its_file() -> None:
    made = edited(BOTH, [Change(("pbxs", "branch"), remove=True), Change(("pbxs", "hq", "names"), remove=True)])
    assert "branch" not in made[1].text
    assert "names" not in made[0].text
    for key in (("pbxs", "nobody"), ("pbxs", "hq", "nodes", 7), ()):
        with pytest.raises(UsageError):
            edited(BOTH, [Change(key, remove=True)])


def test_an_etag_is_of_the_value_and_that_of_the_files_of_every_letter() -> None:
    root = plain(tree(BOTH))
    rewritten = edited(BOTH, [Change(("pbxs", "branch", "nodes"), ["172.16.8.10"])])
    commented = (Source(BOTH[0].path, MAIN + "# more\n"), BOTH[1])
    hq = etag(value_at(root, ("pbxs", "hq")))
    assert hq == etag(value_at(plain(tree(commented)), ("pbxs", "hq")))
    assert etag_of_files(BOTH) != etag_of_files(commented)
    assert etag_of_files(BOTH) == etag_of_files(rewritten)
    changed = edited(BOTH, [Change(("pbxs", "hq", "nodes", 1, "weight"), 60)])
    assert hq != etag(value_at(plain(tree(changed)), ("pbxs", "hq")))
    assert (missing(value_at(root, ("pbxs", "x"))), etag(value_at(root, ("pbxs", "x")))) == (True, "none")


def test_a_thing_knows_its_file_and_line() -> None:
    root = tree(BOTH)
    places = [
        place_of(root, key) for key in (("pbxs", "hq"), ("pbxs", "branch"), ("pbxs", "x"), ("edge", "domain", "x"))
    ]
    assert [(place.file, place.line) if place else None for place in places] == [
        *((BOTH[0].path, 5), (BOTH[1].path, 2)),
        *(None, None),
    ]


def test_files_that_contradict_each_other_or_are_no_yaml_are_told() -> None:
    for text in ("edge: {domain: other.example}\n", "edge: [\n"):
        with pytest.raises(ConfigError):
            tree((BOTH[0], Source("x.yaml", text)))
