"""What may stand under `allow_urls`. What is then let through is judged in front of a real PBX: `test_http_urls`."""

from __future__ import annotations

import pytest

from voxgate.config.presets import PRESETS
from voxgate.config.scalars import ScalarError
from voxgate.config.urls import LONGEST, allowed_urls, parse_url


@pytest.mark.parametrize(
    "written",
    [
        "/",
        "/PBX0/MY",
        "/provisioning/",
        "/a%20b/~x:y=1,2",
        "/" + "x" * (LONGEST - 1),
        "@everything",
        "@" + min(PRESETS),
    ],
)
def test_a_path_or_the_name_of_a_list_stands_as_it_is_written(written: str) -> None:
    assert parse_url(written) == written


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (7, "a URL is needed"),
        ("@no-such-list", "no list of URLs named"),
        ("@", "no list of URLs named"),
        ("https://hq.example.com/PBX0", "names a host"),
        ("", "no path"),
        ("PBX0/MY", "no path"),
        ("/PBX0?x", "no path"),
        ("/PBX0/MY\n", "no path"),
        ("/" + "x" * LONGEST, "no path"),
        ("/a/../b", "never be let through"),
        ("/a%2fb", "never be let through"),
        ("/a%00", "never be let through"),
    ],
)
def test_what_can_be_no_allowed_url_is_refused_with_its_reason(written: object, words: str) -> None:
    with pytest.raises(ScalarError, match=words):
        parse_url(written)


def test_everything_and_lists_stand_beside_urls() -> None:
    assert allowed_urls(("@everything",)).allow("/any/thing")
    both = allowed_urls(("@innovaphone-update-server", "/PBX0/MY"))
    assert [both.allow(path) for path in ("/update/fw/x", "/update/x", "/PBX0/MY/a/b")] == [True, True, True]
    assert [both.allow(path) for path in ("/update/fw/x/y", "/update", "/PBX0")] == [False, False, False]
