from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import desired, edited
from voxgate.engines.base import Action, File
from voxgate.plan.diff import diff
from voxgate.plan.unified import unified

if TYPE_CHECKING:
    from voxgate.plan.desired import Desired


def test_file_differences_are_unified_bounded_and_secrets_are_masked() -> None:
    many = {f"p{i}": {"names": [f"p{i}.example"], "nodes": [{"address": "10.0.0.1"}]} for i in range(3)}
    plan = diff(desired(edited(), 1), desired(edited("pbxs", many), 2, certificate=b"-----KEY-----"))
    texts = {f"{one.engine}/{one.path}": one.text for one in plan.file_diffs()}
    assert set(texts) == {"kamailio/policy.json", "kamailio/dispatcher.list", "kamailio/tls/cert.pem"}
    assert "KEY" not in texts["kamailio/tls/cert.pem"]
    assert texts["kamailio/policy.json"].startswith("--- kamailio/policy.json\n+++ kamailio/policy.json\n@@ -1 +1 @@")


@pytest.mark.parametrize("lines", [300, 5_000], ids=["matched", "too many to match"])
def test_a_long_file_difference_is_cut(lines: int) -> None:
    def with_long_file(whole: Desired, word: str) -> Desired:
        content = "\n".join(f"{word}{number}" for number in range(lines)).encode()
        return replace(whole, engines=(replace(whole.engines[0], files=(File("long", content, Action.RESTART),)),))

    old, new = with_long_file(desired(edited(), 1), "a"), with_long_file(desired(edited(), 2), "b")
    text = diff(old, new).file_diffs()[0].text.splitlines()
    assert len(text) == 201
    assert text[-1] == f"... {2 * lines + 3 - 200} more lines"


def test_line_numbers_of_a_difference_deep_in_a_file_are_right() -> None:
    old = [str(number) for number in range(1, 101)]
    new = [*old[:49], "fifty", *old[50:]]
    assert unified(old, new, "f", "f")[2:] == [
        "@@ -47,7 +47,7 @@", " 47", " 48", " 49", "-50", "+fifty", " 51", " 52", " 53",
    ]  # fmt: skip
