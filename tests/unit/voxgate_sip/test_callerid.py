"""What a provider is told of who calls: From, P-Asserted-Identity, Diversion, by each setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voxgate_sip.callerid import ANONYMOUS, Claims, Edits, diversion_of, edited
from voxgate_sip.trunks import CallerId

PLAIN = CallerId(
    account="sip:0555@carrier.example", fixed=False, domain="", asserted="keep", preferred="keep", diversion="keep",
    private=False, trusted=True,
)  # fmt: skip
FIXED = replace(PLAIN, fixed=True)
WISH = Claims("sip:200@10.0.0.1", '"Ann" ', "t1", asserted="<sip:200@10.0.0.1>", privacy="id")
CALL = WISH._replace(asserted="", privacy="")
HOSTS = {"10.0.0.1": "pbx.example.com", "fd00::7": "six.example"}


def test_what_nobody_asks_for_stays_as_it_is() -> None:
    assert edited(WISH, None, {}) == edited(WISH, PLAIN, {}) == Edits("", (), ())


@pytest.mark.parametrize(
    ("caller", "sender"),
    [
        (FIXED, '"Ann" <sip:0555@carrier.example>;tag=t1'),
        (replace(PLAIN, domain="carrier.example"), '"Ann" <sip:200@carrier.example>;tag=t1'),
    ],
    ids=["account", "domain"],
)
def test_from_is_as_the_provider_wants_it(caller: CallerId, sender: str) -> None:
    assert edited(CALL, caller, {}).sender == sender


def test_who_is_unknown_already_stays_so_in_every_domain() -> None:
    assert edited(CALL._replace(uri=ANONYMOUS), replace(PLAIN, domain="carrier.example"), {}).sender == ""


@pytest.mark.parametrize("header", ["P-Asserted-Identity", "P-Preferred-Identity"])
@pytest.mark.parametrize(
    ("what", "before", "lines"),
    [
        ("from", "", ('"Ann" <sip:200@pbx.example.com>',)),
        ("from", "<sip:7@x>", ('"Ann" <sip:200@pbx.example.com>',)),
        ("account", "", ("<sip:0555@carrier.example>",)),
        ("remove", "<sip:7@x>", ()),
        ("keep", "<sip:200@10.0.0.1:5060>, <tel:+49>", ("<sip:200@pbx.example.com>, <tel:+49>",)),
    ],
)
def test_an_identity_is_kept_made_or_removed(header: str, what: str, before: str, lines: tuple[str, ...]) -> None:
    key = "asserted" if "Asserted" in header else "preferred"
    caller = replace(PLAIN, asserted=what) if key == "asserted" else replace(PLAIN, preferred=what)
    edits = edited(CALL._replace(**{key: before}), caller, HOSTS)
    assert edits.add == tuple(f"{header}: {line}\r\n" for line in lines)
    assert edits.remove == ((header,) if before else ())


def test_an_unknown_caller_is_not_asserted_from_from() -> None:
    edits = edited(CALL._replace(uri=ANONYMOUS, asserted="<sip:7@x>"), replace(PLAIN, asserted="from"), {})
    assert (edits.add, edits.remove) == ((), ())


def test_a_hidden_pbx_shows_in_no_header() -> None:
    claims = CALL._replace(
        remote_party="<sip:200@10.0.0.1>;party=calling", diversion="<sip:300@[fd00::7]:5062>;reason=unknown"
    )
    assert edited(claims, None, HOSTS).add == (
        "Remote-Party-ID: <sip:200@pbx.example.com>;party=calling\r\n",
        "Diversion: <sip:300@six.example>;reason=unknown\r\n",
    )


@pytest.mark.parametrize("wish", ["id", "user;id", "header; critical"])
def test_the_edge_withholds_who_wants_to_stay_unknown(wish: str) -> None:
    claims = WISH._replace(privacy=wish, remote_party="<sip:200@x>", diversion="<sip:1@x>", history="<sip:1@x>;index=1")
    edits = edited(claims, replace(PLAIN, private=True, asserted="from"), {})
    assert edits.sender == f'"Anonymous" <{ANONYMOUS}>;tag=t1'
    assert (edits.add, edits.anonymous) == ((), True)
    assert set(edits.remove) == {"P-Asserted-Identity", "Remote-Party-ID", "Diversion", "History-Info", "Privacy"}


@pytest.mark.parametrize("wish", ["none", "", "session"])
def test_who_does_not_mind_is_told(wish: str) -> None:
    assert not edited(WISH._replace(privacy=wish), replace(PLAIN, private=True), {}).anonymous


def test_a_provider_that_wants_the_account_withholds_it_by_itself() -> None:
    edits = edited(WISH, replace(FIXED, private=True), {})
    assert edits.sender == '"Anonymous" <sip:0555@carrier.example>;tag=t1'
    assert (edits.remove, edits.add) == (("P-Asserted-Identity",), ())


def test_unknown_once_is_unknown_in_the_whole_dialog() -> None:
    edits = edited(CALL, replace(PLAIN, private=True), {}, anonymous=True)
    assert edits.sender == f'"Anonymous" <{ANONYMOUS}>;tag=t1'


HISTORY = '<sip:100@x>;index=1, <sip:200@x;cause=302>;index=1.1;mp=1, "B, <o>" <sip:300@x;cause=486>;index=1.1.1;mp=1.1'


@pytest.mark.parametrize(
    ("history", "diversion"),
    [
        (HISTORY, "<sip:200@x>;reason=user-busy;counter=1, <sip:100@x>;reason=unconditional;counter=1"),
        (
            "<sip:100@x?Reason=SIP%3Bcause%3D408>;index=1, <sip:200@x>;index=1.1",
            "<sip:100@x>;reason=no-answer;counter=1",
        ),
        (
            "<sip:100@x?Privacy=history>;index=1, <sip:200@x;cause=302>;index=1.1",
            "<sip:100@x>;reason=unconditional;counter=1;privacy=full",
        ),
        ("<sip:100@x>;index=1", ""),
        ("<sip:200@x;cause=302>;index=1", ""),
        ("", ""),
        ("<<<;cause=302>,,,>", ""),
    ],
)
def test_diversion_is_made_from_history(history: str, diversion: str) -> None:
    assert diversion_of(history) == diversion


def test_what_the_pbx_says_of_diversion_goes_before_history() -> None:
    claims = CALL._replace(diversion="<sip:9@x>;reason=unknown", history=HISTORY)
    made = edited(claims, replace(PLAIN, diversion="history"), {})
    assert (made.remove, made.add) == (("History-Info",), ())
    made = edited(claims._replace(diversion=""), replace(PLAIN, diversion="history"), {})
    assert made.add[0].startswith("Diversion: <sip:200@x>;reason=user-busy")
    assert edited(claims, replace(PLAIN, diversion="remove"), {}).remove == ("Diversion", "History-Info")


def test_inside_a_dialog_nothing_is_asserted_that_the_pbx_does_not_assert() -> None:
    caller = replace(FIXED, asserted="from", preferred="account")
    assert edited(CALL, caller, {}, inside=True) == Edits('"Ann" <sip:0555@carrier.example>;tag=t1', (), ())
    told = edited(CALL._replace(asserted="<sip:7@x>"), caller, {}, inside=True)
    assert told.add == ('P-Asserted-Identity: "Ann" <sip:200@10.0.0.1>\r\n',)
    assert edited(CALL, replace(FIXED, private=True), {}, inside=True, anonymous=True).add == ()
