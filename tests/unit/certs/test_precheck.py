from __future__ import annotations

from ipaddress import ip_address

import pytest

from voxgate.certs.explain import ADVICE, clean, problem
from voxgate.certs.precheck import Looked, forbidden, judge

OURS = [ip_address("203.0.113.45"), ip_address("2001:db8:1::10")]
NAME = "edge.example.com"


def looked(*addresses: str) -> Looked:
    return Looked(tuple(ip_address(one) for one in addresses))


@pytest.mark.parametrize(
    "found",
    [
        looked("203.0.113.45"),
        looked("2001:db8:1::10"),
        looked("203.0.113.45", "2001:db8:1::10"),
        looked("198.51.100.7", "203.0.113.45"),  # several edges share the name
        looked("192.168.1.10"),  # split DNS: the internet sees another address
        looked("fd00::10", "203.0.113.45"),
    ],
)
def test_a_name_that_leads_here_is_good(found: Looked) -> None:
    assert judge(NAME, found, OURS) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (looked(), "has no A and no AAAA record in the DNS: add one that leads to 2001:db8:1::10 or 203.0.113.45"),
        (
            looked("192.0.2.7"),
            "A record of edge.example.com leads to 192.0.2.7, which is not this edge: correct it",
        ),
        # What authorities try first is wrong, though the other one is right.
        (looked("203.0.113.45", "2001:db8::bad"), "the AAAA record of edge.example.com leads to 2001:db8::bad"),
        (Looked((), "no name server answers in time"), "cannot be looked up: no name server answers in time"),
    ],
)
def test_a_name_that_does_not_is_told_with_its_cure(found: Looked, words: str) -> None:
    assert words in judge(NAME, found, OURS)


def test_a_record_of_an_ip_version_that_the_edge_has_not_is_to_be_removed() -> None:
    told = judge(NAME, looked("203.0.113.45", "2001:db8::bad"), OURS[:1])
    assert told.endswith("remove it, this edge has no such address")


@pytest.mark.parametrize(
    ("name", "records", "allowed"),
    [
        (NAME, [], True),
        (NAME, [("issue", "letsencrypt.org")], True),
        (NAME, [("issue", "letsencrypt.org; validationmethods=dns-01")], True),
        (NAME, [("issue", "other.example"), ("issue", "LetsEncrypt.org")], True),
        (NAME, [("issue", "other.example")], False),
        (NAME, [("issue", ";")], False),
        (NAME, [("iodef", "mailto:ops@example.com")], True),
        ("*.example.com", [("issue", "letsencrypt.org"), ("issuewild", ";")], False),
        ("*.example.com", [("issue", "other.example"), ("issuewild", "letsencrypt.org")], True),
        (NAME, [("issue", "letsencrypt.org"), ("issuewild", ";")], True),
    ],
)
def test_caa_records_let_this_authority_sign_or_not(name: str, records: list[tuple[str, str]], allowed: bool) -> None:
    assert (forbidden(name, records, ["letsencrypt.org"]) == "") is allowed
    assert forbidden(name, records, []) == "", "an authority that does not name itself cannot be judged"


def test_every_problem_of_the_authority_has_an_advice_and_no_control_character() -> None:
    told = problem("rateLimited", "too many\r\n\x1b[31mcertificates", retry_after_s=60)
    assert str(told).startswith("too many [31mcertificates: ")
    assert told.retry_after_s == 60
    assert "\x1b" not in clean("\x1b]0;x\x07")
    assert len(clean("x" * 10_000)) == 300
    assert str(problem("somethingNew", "")) == "the authority says somethingNew: " + str(problem("other", "x"))[3:]
    assert all(advice[0].islower() for advice in ADVICE.values())
