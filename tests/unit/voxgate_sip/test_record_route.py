"""Record-Route in replies: own entries turn to the caller's side, foreign ones stay as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate_sip.replies import RecordRouteRewriter

OWN = {
    ("i4", "udp"): "10.0.0.5:5060;transport=udp",
    ("o4", "udp"): "203.0.113.5:5060;transport=udp",
    ("o4", "tls"): "203.0.113.5:5061;transport=tls",
    ("o6", "tls"): "[2001:db8::5]:5061;transport=tls",
}
REWRITER = RecordRouteRewriter(OWN)
WRITTEN_INSIDE = "<sip:10.0.0.5:5060;transport=udp;e={};lr>"
CASES = {
    "to-a-phone-outside": (WRITTEN_INSIDE.format("o4udp"), "<sip:203.0.113.5:5060;transport=udp;lr>"),
    "to-a-phone-over-tls": (WRITTEN_INSIDE.format("o4tls"), "<sip:203.0.113.5:5061;transport=tls;lr>"),
    "to-a-phone-over-ipv6": (WRITTEN_INSIDE.format("o6tls"), "<sip:[2001:db8::5]:5061;transport=tls;lr>"),
    "from-ipv6-to-a-pbx": (
        "<sip:[2001:db8::5]:5061;transport=tls;e=i4udp;lr>",
        "<sip:10.0.0.5:5060;transport=udp;lr>",
    ),
    "what-stands-behind-the-mark-goes": (
        "<sip:10.0.0.5:5060;transport=udp;e=o4udp;ftag=9;lr>",
        "<sip:203.0.113.5:5060;transport=udp;lr>",
    ),
    "among-foreign-ones": (
        "<sip:p1.example;lr>, <sip:10.0.0.5:5060;transport=udp;e=o4udp;lr>,<sip:192.0.2.9:5080;lr;x=y>",
        "<sip:p1.example;lr>, <sip:203.0.113.5:5060;transport=udp;lr>,<sip:192.0.2.9:5080;lr;x=y>",
    ),
    "twice-through-the-edge": (
        "<sip:10.0.0.5:5060;transport=udp;e=i4udp;lr>, <sip:10.0.0.5:5060;transport=udp;e=o4udp;lr>",
        "<sip:10.0.0.5:5060;transport=udp;lr>, <sip:10.0.0.5:5060;transport=udp;e=o4udp;lr>",
    ),
    "the-mark-of-a-later-passage": (
        "<sip:10.0.0.5:5060;e=o4udp;u=1-a2-t;m=~2;lr>",
        "<sip:203.0.113.5:5060;transport=udp;u=1-a2-t;m=~2;lr>",
    ),
}
P1, P2, PROXY = WRITTEN_INSIDE.format("o4udp"), WRITTEN_INSIDE.format("i4udp;m=~2"), "<sip:192.0.2.9:5080;lr>"
SHOWN1, SHOWN2 = "<sip:203.0.113.5:5060;transport=udp;lr>", "<sip:10.0.0.5:5060;transport=udp;m=~2;lr>"
APART = {
    "alone": (P1, SHOWN1, []),
    "a-proxy-behind-and-one-of-the-caller": (
        f"{PROXY}, {P1}, <sip:p1.example;lr>",
        f"{SHOWN1}, <sip:p1.example;lr>",
        [PROXY],
    ),
    "later-passage": (f"{P2}, {PROXY}, {P1}", f"{SHOWN2}, {PROXY}, {P1}", []),
    "first-passage-after-a-later-one": (f"{SHOWN2}, {PROXY}, {P1}", SHOWN1, [SHOWN2, PROXY]),
    "not-ours": (f"{PROXY}, {PROXY}", "", [PROXY, PROXY]),
}
UNTOUCHED = {
    "nothing": "",
    "foreign": "<sip:proxy.example;lr>",
    "foreign-with-our-mark": "<sip:proxy.example:5060;lr;e=o4udp>",
    "own-address-other-port": "<sip:10.0.0.5:5080;lr;e=o4udp>",
    "own-address-as-user": "<sip:10.0.0.5:5060@evil.example;e=o4udp;lr>",
    "unknown-side": WRITTEN_INSIDE.format("x9udp"),
    "side-without-that-transport": WRITTEN_INSIDE.format("o6udp"),
    "own-without-mark": "<sip:10.0.0.5:5060;transport=udp;lr>",
    "only-the-mark": ";e=o4udp",
    "mark-and-end": ";e=o4udp>",
}


@pytest.mark.parametrize(("value", "shown"), CASES.values(), ids=CASES)
def test_an_own_entry_shows_the_callers_side(value: str, shown: str) -> None:
    assert REWRITER.rewrite(value) == shown


@pytest.mark.parametrize(("value", "shown", "behind"), APART.values(), ids=APART)
def test_what_lies_behind_the_entry_of_this_passage_is_told_apart(value: str, shown: str, behind: list[str]) -> None:
    assert REWRITER.apart(value) == (shown, behind)


@pytest.mark.parametrize("value", UNTOUCHED.values(), ids=UNTOUCHED)
def test_an_entry_that_is_not_the_edges_is_untouched(value: str) -> None:
    assert REWRITER.rewrite(value) == value


@pytest.mark.parametrize("rest", [", <sips:p.example;lr;e=o4udp>", ";e=o4udp;x"], ids=["sips", "outside-the-brackets"])
def test_a_foreign_mark_after_an_own_entry_is_untouched(rest: str) -> None:
    value = f"{WRITTEN_INSIDE.format('o4udp')}{rest}"
    assert REWRITER.rewrite(value) == f"<sip:203.0.113.5:5060;transport=udp;lr>{rest}"


WORDS = st.lists(
    st.sampled_from(
        ["<sip:", "10.0.0.5:5060", ";e=", "o4udp", ">", ";lr", ";tag=", ",", "[", "]", "<", ";", "é", "\0"]
    ),
    max_size=25,
).map("".join)
FOREIGN = st.builds(
    "<sip:{}.example{}>".format,
    st.text("abc.-", min_size=1, max_size=8),
    st.sampled_from(["", ";lr", ";lr;e=o4udp", ";transport=tcp;e=i4udp;lr", ":5060;e=", ";e=o4udp;tag=1"]),
)


@given(WORDS | st.text(max_size=200))
def test_no_text_breaks_it(value: str) -> None:
    REWRITER.rewrite(value)


@given(st.lists(FOREIGN, max_size=5), st.integers(0, 5))
def test_foreign_entries_stay_wherever_ours_is(foreign: list[str], place: int) -> None:
    mine, shown = [*foreign], [*foreign]
    mine.insert(place, WRITTEN_INSIDE.format("o4udp"))
    shown.insert(place, "<sip:203.0.113.5:5060;transport=udp;lr>")
    assert REWRITER.rewrite(", ".join(foreign)) == ", ".join(foreign)
    assert REWRITER.rewrite(", ".join(mine)) == ", ".join(shown)
