"""Which call is a trunk's and where its number leads, decided on the policy that the control plane makes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engines.networks import TWO, config, pbx
from voxgate.config.secrets import Secret
from voxgate.engines.sip_policy import policy_of
from voxgate_sip.destinations import FromTrunk, Registered, ToTrunk
from voxgate_sip.policy import dumps, loads
from voxgate_sip.route import NO_ROUTES, Answer, Request, Router
from voxgate_sip.trunks import Rule, rewritten

CARRIER, OUTSIDE, INSIDE = "198.51.100.7", "203.0.113.45", "172.16.0.1"
PBXS = {
    "hq": pbx("172.16.0.10"),
    "branch": pbx("172.16.8.10", name="branch.example.com"),
    "shop": pbx("172.16.9.10", name="shop.example"),
}
DIDS: dict[str, Any] = {
    "re:0555.*9": "shop",
    ".": "shop",
    "0555.": "branch",
    "05551X": "hq",
    "0555XX": "branch",
    "0555159400": {"pbx": "branch", "fallback": ["hq"], "codes": [486]},
    "+49.": "hq",
}
TRUNKS: dict[str, Any] = {
    "carrier": {"addresses": [CARRIER, "198.51.100.64/28", "2001:db8:7::/64"], "dids": DIDS, "pbxs": ["hq", "branch"]},
    "cheap": {"server": "192.0.2.9", "prefixes": ["0049", "00"], "pbxs": ["hq"], "priority": 2},
    "best": {"server": "sip.best.example", "addresses": ["192.0.2.10"], "prefixes": "00", "pbxs": "hq",
             "transport": "tls"},
}  # fmt: skip


def router(trunks: dict[str, Any] = TRUNKS, pbxs: dict[str, Any] = PBXS) -> Router:
    """What a worker holds: the policy after its way through the file."""
    made = policy_of(config(pbxs, trunks=trunks), TWO, 1, media=True)
    assert loads(dumps(made)) == made
    return Router(loads(dumps(made)))


def call(number: str, **changes: Any) -> Request:
    """An INVITE of the provider."""
    return Request(
        "INVITE", CARRIER, "udp", OUTSIDE, OUTSIDE, number, CARRIER, "1", NO_ROUTES, to_user=number
    )._replace(**changes)


def out(number: str, host: str = INSIDE, **changes: Any) -> Request:
    """An INVITE of the head quarters' PBX."""
    request = Request("INVITE", "172.16.0.10", "udp", INSIDE, host, number, "example.com", "1", NO_ROUTES)
    return request._replace(**changes)


@pytest.mark.parametrize(
    ("number", "pbxs"),
    [
        ("0555159400", ("branch", "hq")),
        ("055519", ("hq",)),
        ("055529", ("branch",)),
        ("0555299", ("branch",)),
        ("1", ("shop",)),
        ("+491", ("hq",)),
    ],
)
def test_compared_from_the_left_the_narrowest_pattern_wins(number: str, pbxs: tuple[str, ...]) -> None:
    decision = router().decide(call(number))
    assert isinstance(decision, FromTrunk)
    assert (decision.did.pbxs, decision.number) == (pbxs, number)


def test_expressions_are_asked_last_and_in_their_order() -> None:
    dids = {"re:05+.*": "shop", "re:0.*": "hq", "X": "branch"}
    made = router({"carrier": {"addresses": CARRIER, "dids": dids}})
    found = [made.decide(call(number)) for number in ("0", "0551", "0651")]
    assert [one.did.pbxs for one in found if isinstance(one, FromTrunk)] == [("branch",), ("shop",), ("hq",)]


@pytest.mark.parametrize("number", ["", "alice", "05%35", "0555;phone-context=x", "0" * 33, "++49", "05 5", "\uff15"])
def test_what_is_no_number_leads_nowhere(number: str) -> None:
    assert router().decide(call(number)) == Answer(404, "Not Found", "number-not-in-dids")


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, True),
        ({"source": "198.51.100.79"}, True),
        ({"source": "2001:db8:7::99", "received_on": "2001:db8:1::10"}, True),
        ({"proto": "tcp"}, True),
        ({"proto": "tls"}, False),
        ({"source": "198.51.100.80"}, False),
        ({"received_on": INSIDE}, False),
    ],
)
def test_a_trunk_is_known_by_address_transport_and_socket(changes: dict[str, Any], *, known: bool) -> None:
    assert isinstance(router().decide(call("1", **changes)), FromTrunk) is known


@pytest.mark.parametrize(
    ("number", "trunks"),
    [
        ("0049301", ("cheap", "best", "carrier")),
        ("0044", ("best", "cheap", "carrier")),
        ("110", ("carrier",)),
    ],
)
def test_the_longest_prefix_goes_first_then_priority(number: str, trunks: tuple[str, ...]) -> None:
    decision = router().decide(out(number))
    assert isinstance(decision, ToTrunk)
    assert (tuple(trunk.name for trunk in decision.trunks), decision.pbx) == (trunks, "hq")


def test_the_trunks_own_name_picks_it_alone() -> None:
    decision = router().decide(out("0044", "sip.best.example"))
    assert isinstance(decision, ToTrunk)
    assert [(trunk.name, trunk.host, trunk.hops[0].uri) for trunk in decision.trunks] == [
        ("best", "sip.best.example", "sip:192.0.2.10:5061;transport=tls")
    ]


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (out("0044", "sip.best.example", source="172.16.8.10"), Answer(403, "Forbidden", "pbx-may-not-use-trunk")),
        (out("0044", source="172.16.9.10"), Answer(403, "Forbidden", "pbx-may-not-use-trunk")),
        (out("110", "sip.best.example"), Answer(404, "Not Found", "no-trunk-for-number")),
        (out("alice"), Answer(404, "Not Found", "no-trunk-for-number")),
    ],
)
def test_a_pbx_is_told_why_it_may_not_call_out(request_: Request, answer: Answer) -> None:
    assert router().decide(request_) == answer


@pytest.mark.parametrize(
    "request_",
    [
        out("0044", routes="1 0"),
        out("0044", "198.51.100.200"),
        out("0044", method="SUBSCRIBE"),
        call("0044", source="192.0.2.200"),
    ],
)
def test_nothing_else_is_for_a_trunk(request_: Request) -> None:
    assert not isinstance(router().decide(request_), ToTrunk)


def test_a_provider_that_calls_our_contact_tells_the_number_in_to() -> None:
    made = router()
    trunk = made.policy.trunks["carrier"]
    assert trunk.account == ""
    assert isinstance(made.decide(call("vg-carrier", to_user="0555159400")), Answer)


def test_numbers_are_rewritten_by_the_first_rule_that_fits() -> None:
    rules = (Rule("00", 2, "+"), Rule("0", 1, "+49"), Rule("", 0, "+4930"))
    assert [rewritten(number, rules) for number in ("0044", "030", "1")] == ["+44", "+4930", "+49301"]


def test_e164_holds_both_ways_after_the_rules() -> None:
    numbers = {
        "e164": {"country": "49"},
        "outbound": [{"prefix": "110", "strip": 0}, {"prefix": "9", "prepend": "0", "strip": 1}],
    }
    trunk = router({"a": {"addresses": CARRIER, "pbxs": "hq", "numbers": numbers}}).policy.trunks["a"]
    assert [rewritten(one, trunk.rules_out) for one in ("030", "0044", "+1", "110", "95")] == [
        "+4930", "+44", "+1", "110", "05",
    ]  # fmt: skip
    assert [rewritten(one, trunk.rules_in) for one in ("+4930", "004930", "+44", "030")] == [
        "030", "030", "0044", "030",
    ]  # fmt: skip


ACCOUNT = Registered("hq", "sip:172.16.0.10:5060;transport=udp", "sip:7@172.16.0.10:5060")


def test_a_pbx_registers_at_a_trunk_by_its_name_alone() -> None:
    asked = out("", "sip.best.example", method="REGISTER")
    assert router().decide(asked) == router().decide(asked._replace(routes="1 0"))
    decision = router().decide(asked)
    assert isinstance(decision, ToTrunk)
    assert ([trunk.name for trunk in decision.trunks], decision.pbx) == (["best"], "hq")
    refused = router().decide(asked._replace(source="172.16.8.10"))
    assert refused == Answer(403, "Forbidden", "pbx-may-not-register-there")
    assert not isinstance(router().decide(asked._replace(ruri_host=INSIDE)), ToTrunk)


def test_nobody_registers_where_the_edge_does() -> None:
    own = {"best": {**TRUNKS["best"], "register": {"user": "0555", "password": Secret("x")}}}
    asked = out("", "sip.best.example", method="REGISTER")
    assert router(own).decide(asked) == Answer(403, "Forbidden", "pbx-may-not-register-there")


@pytest.mark.parametrize("exact", [True, False])
def test_a_number_goes_before_the_accounts_user_and_after_its_contact(*, exact: bool) -> None:
    decision = router().decide(call("055519", account=ACCOUNT._replace(exact=exact)))
    assert isinstance(decision, FromTrunk)
    assert decision.node == (ACCOUNT.node if exact else "")
    other = router().decide(call("alice", account=ACCOUNT._replace(exact=exact)))
    assert isinstance(other, FromTrunk)
    assert (other.node, other.number, other.did.pbxs) == (ACCOUNT.node, ACCOUNT.uri, ("hq",))


def test_an_account_is_called_by_its_own_provider_alone() -> None:
    assert router().decide(call("alice", account=ACCOUNT._replace(pbx="shop", exact=True))) == Answer(
        404, "Not Found", "number-not-in-dids"
    )
