"""Which URLs are let through: a table, judged by the rule alone and by the real HAProxy in front of a PBX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.office import MARKS
from tests.engine.web_office import ask, head, web_config, web_office
from voxgate.config.urls import allowed_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.web_office import WebOffice

ALLOWED = (
    "@innovaphone-mypbx",
    "@innovaphone-apps",
    "/provisioning/",
    "/dir/sub/",
    "/a%20b",
    "/~x",
    "/q=1",
    "/PBX0/ADMIN/",
)
URLS = allowed_urls(ALLOWED)

#: (path as it is sent, whether it is let through)
CASES = [
    # A head, letter by letter.
    ("/PBX0/MY", True),
    ("/PBX0/MY/", True),
    ("/PBX0/MY/client.htm", True),
    ("/PBX0/MYSTERY", True),
    ("/PBX0/MY/a/b/c/d.js", True),
    ("/PBX0/WEBSOCKET/x", True),
    ("/CDR0/CALL-LIST", True),
    ("/apps/innovaphone-reporting/mypbx/list", True),
    ("/fonts/a/b.woff", True),
    ("/a%20b/c", True),
    ("/~x/y", True),
    ("/q=1,2", True),
    ("/PBX0/M", False),
    ("/PBX0", False),
    ("/PBX0/", False),
    ("/", False),
    ("/PBX1/MY", False),
    ("/x/PBX0/MY", False),
    ("/apps/innovaphone-reporting", False),
    # Case.
    ("/pbx0/my", False),
    ("/PBX0/my", False),
    ("/Provisioning/x", False),
    # A folder: what lies directly in it.
    ("/provisioning/", True),
    ("/provisioning/phone.cfg", True),
    ("/provisioning/..cfg", True),
    ("/provisioning/a.b..c", True),
    ("/provisioning/...", True),
    ("/provisioning", False),
    ("/provisioning/sub/x", False),
    ("/provisioning/x/", False),
    ("/provisioning//x", False),
    ("/provisioning//", False),
    ("/dir/sub/x", True),
    ("/dir/sub/", True),
    ("/dir/x", False),
    ("/dir/sub/x/y", False),
    ("/PBX0/ADMIN/x", True),
    ("/PBX0/ADMIN/x/y", False),
    # The query plays no part, whatever is in it.
    ("/PBX0/MY?a=/../b", True),
    ("/provisioning/x?u=/a/b//c", True),
    ("/provisioning/x?%2f%2e%2e", True),
    ("/secret?/PBX0/MY", False),
    ("/provisioning?/x", False),
    ("/?x=/PBX0/MY", False),
    # Dot segments, plain and encoded, in the middle and at the end.
    ("/PBX0/MY/../ADMIN", False),
    ("/PBX0/MY/..", False),
    ("/PBX0/MY/.", False),
    ("/PBX0/MY/./x", False),
    ("/./PBX0/MY", False),
    ("/../PBX0/MY", False),
    ("/x/../PBX0/MY", False),
    ("/PBX0/MY/%2e%2e/ADMIN", False),
    ("/PBX0/MY/%2E%2E/ADMIN", False),
    ("/PBX0/MY/.%2e/ADMIN", False),
    ("/PBX0/MY/%2e./ADMIN", False),
    ("/PBX0/MY/%2e", False),
    ("/PBX0/MY/%252e%252e/ADMIN", False),
    ("/PBX0/MY/..;/ADMIN", False),
    ("/PBX0/MY/..;a=b/ADMIN", False),
    ("/PBX0/MY/..%3b/ADMIN", False),
    ("/PBX0/MY/...;/x", True),
    ("/provisioning/..", False),
    ("/provisioning/%2e%2e", False),
    # Slashes that the PBX may see and the list does not.
    ("/PBX0/MY%2f..%2fADMIN", False),
    ("/PBX0/MY%2Fx", False),
    ("/provisioning/x%2fy", False),
    ("/provisioning/x%5cy", False),
    ("/provisioning/x%252fy", False),
    ("/provisioning/x%25252fy", False),
    ("/provisioning/x\\y", False),
    ("/PBX0\\MY", False),
    ("/PBX0/MY\\..\\ADMIN", False),
    ("/PBX0/MY/%c0%af", False),
    ("/PBX0/MY/%c0%ae%c0%ae/", False),
    # An encoded letter is another letter here, and perhaps the same to the PBX: not let through.
    ("/PBX0/%4dY", False),
    ("/%50BX0/MY", False),
    ("/PBX0%2fMY", False),
    ("/PBX0/MY/%4d", True),
    ("/a b", False),
    ("/a%20", False),
    # Double slashes at the head.
    ("//PBX0/MY", False),
    ("/PBX0//MY", False),
    ("//provisioning/x", False),
    ("/PBX0/MY//x", True),
    # What ends a text elsewhere.
    ("/PBX0/MY%00", False),
    ("/provisioning/x%00.cfg", False),
    ("/PBX0/MY#/../ADMIN", False),
    ("/PBX0/MY%23x", True),
    ("/PBX0/MY;x", True),
    ("/PBX0/MY%", True),
    ("/PBX0/MY/%zz", True),
    ("*", False),
]


def path_of(target: str) -> str:
    return target.partition("?")[0]


@pytest.mark.parametrize(("target", "through"), [case for case in CASES if " " not in case[0] and "#" not in case[0]])
def test_the_rule_alone(target: str, through: bool) -> None:
    assert URLS.allow(path_of(target)) is through


def naive(urls: tuple[str, ...], path: str) -> bool:
    """The rule in the words of the reference."""
    return any(path.startswith(url) and not (url.endswith("/") and "/" in path[len(url) :]) for url in urls)


WORDS = st.lists(st.sampled_from(["/", "a", "b", "MY"]), max_size=8).map(lambda parts: "/" + "".join(parts))


@given(st.lists(WORDS, min_size=1, max_size=4).map(tuple), WORDS)
def test_heads_and_folders_say_what_the_rule_says(urls: tuple[str, ...], path: str) -> None:
    assert allowed_urls(urls).allow(path) is naive(urls, path)


@pytest.fixture(scope="module")
def place() -> Iterator[WebOffice]:
    with web_office(web_config(allow_urls=list(ALLOWED))) as made:
        yield made


class TestThroughHaproxy:
    pytestmark = MARKS

    def test_every_case_of_the_table(self, place: WebOffice) -> None:
        wrong = []
        for target, through in CASES:
            before = len(place.hq.seen)
            answer = ask(place.office, head("hq.example.com", target, "Connection: close"))
            arrived = [seen.target for seen in place.hq.seen[before:]]
            good = (
                (answer.status, arrived) == (200, [target]) if through else answer.status in {400, 403} and not arrived
            )
            if not good:
                wrong.append((target, through, answer.status, arrived))
        assert wrong == []
        assert len(CASES) >= 60

    def test_an_absolute_url_counts_like_its_path_and_only_for_its_own_host(self, place: WebOffice) -> None:
        answer = ask(place.office, head("hq.example.com", "http://hq.example.com/PBX0/MY?x", "Connection: close"))
        assert (answer.status, answer.said["target"]) == (200, "/PBX0/MY?x")
        for target in ("http://branch.example.com/PBX0/MY", "http://hq.example.com/secret", "http:///secret"):
            assert ask(place.office, head("hq.example.com", target, "Connection: close")).status in {400, 403}
        assert all(seen.target.startswith("/PBX0/MY") or not seen.target.startswith("http") for seen in place.hq.seen)
