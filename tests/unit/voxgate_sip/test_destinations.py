"""What a trunk may ask for beside calls to numbers, and where several trunks or PBXs stand at one address."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.unit.engines.networks import pbx
from tests.unit.voxgate_sip.test_route_trunks import ACCOUNT, CARRIER, INSIDE, PBXS, TRUNKS, call, out, router
from voxgate.config.secrets import Secret
from voxgate_sip.destinations import _MOST_ADDRESSES, FromTrunk, ToTrunk
from voxgate_sip.policy import dumps
from voxgate_sip.route import Answer, Router, ToPbx, ToPhone
from voxgate_sip.trunks import REGISTRAR, Did, trunk_of

REGISTERED: dict[str, Any] = {"register": {"user": "0555", "password": Secret("x")}}
ANY_NUMBER: dict[str, Any] = {".": "hq"}


def trunks_of(**trunks: dict[str, Any]) -> Router:
    """Each at the carrier's address, for the head quarters, where it says nothing else."""
    return router({name: {"addresses": CARRIER, "pbxs": "hq", **trunk} for name, trunk in trunks.items()})


def names(decision: object) -> list[str]:
    assert isinstance(decision, ToTrunk)
    return [trunk.name for trunk in decision.trunks]


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("OPTIONS", Answer(200, "OK")),
        ("REGISTER", Answer(405, "Method Not Allowed", "method-not-for-trunks")),
        ("SUBSCRIBE", Answer(405, "Method Not Allowed", "method-not-for-trunks")),
    ],
)
def test_a_trunk_may_ask_whether_we_are_there_and_for_nothing_but_calls_and_messages(
    method: str, answer: Answer
) -> None:
    assert router().decide(call("055519", method=method)) == answer


def test_a_message_goes_where_a_call_does() -> None:
    assert isinstance(router().decide(call("055519", method="MESSAGE")), FromTrunk)


def test_the_number_in_to_counts_only_where_the_provider_calls_our_own_contact() -> None:
    made = trunks_of(carrier={"server": CARRIER, "dids": {"055519": "hq"}, **REGISTERED})
    user = made.policy.trunks["carrier"].account
    assert user
    found = made.decide(call(user, to_user="055519"))
    assert isinstance(found, FromTrunk)
    assert found.number == "055519"
    assert made.decide(call("0777", to_user="055519")) == Answer(404, "Not Found", "number-not-in-dids")


@pytest.mark.parametrize("user", ["", "0777"])
def test_elsewhere_the_number_in_to_says_nothing(user: str) -> None:
    refused = Answer(404, "Not Found", "number-not-in-dids")
    assert trunks_of(carrier={"dids": {"055519": "hq"}}).decide(call(user, to_user="055519")) == refused


def test_where_the_edge_registers_no_account_of_a_pbx_is_called() -> None:
    made = trunks_of(carrier={"server": CARRIER, **REGISTERED})
    refused = Answer(404, "Not Found", "number-not-in-dids")
    assert [made.decide(call("alice", account=ACCOUNT._replace(exact=exact))) for exact in (True, False)] == [
        refused,
        refused,
    ]


def test_an_account_has_one_pbx_and_nothing_comes_after_it() -> None:
    found = trunks_of(carrier={}).decide(call("alice", account=ACCOUNT))
    assert isinstance(found, FromTrunk)
    assert found.did == Did("", ("hq",), frozenset(), 0)


def test_the_edges_own_registration_goes_to_the_trunk_that_it_names() -> None:
    made = router()
    own = call("best", ruri_host=REGISTRAR, method="REGISTER", source=INSIDE, received_on=INSIDE)
    assert names(made.decide(own)) == ["best"]
    nothing = Answer(404, "Not Found")
    assert made.decide(own._replace(ruri_user="worst")) == nothing
    assert made.decide(own._replace(method="INVITE")) == nothing


def test_only_what_names_the_registrar_is_the_edges_own_registration() -> None:
    other = call("200", ruri_host="example.com", source=INSIDE, received_on=INSIDE)
    assert isinstance(router().decide(other), ToPbx)


@pytest.mark.parametrize("source", [CARRIER, "192.0.2.200", "172.16.0.10"])
def test_nobody_else_registers_in_the_edges_name(source: str) -> None:
    asked = call("best", ruri_host=REGISTRAR, method="REGISTER", source=source)
    decisions = [router().decide(asked._replace(received_on=where)) for where in (asked.received_on, INSIDE)]
    assert not any(isinstance(decision, ToTrunk) for decision in decisions)


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (out("0044", "198.51.100.200"), ToPhone),
        (out("0044", "sip.unknown.example"), ToPhone),
        (out("0044", ""), ToPhone),
        (out("", "", method="REGISTER"), ToPhone),
        (out("0044", "branch.example.com"), ToPbx),
        (out("0044", routes="1 0"), ToPhone),
        (out("0044", method="SUBSCRIBE"), ToPhone),
        (out("", method="REGISTER"), ToPhone),
        (out("", "198.51.100.200", method="OPTIONS"), ToPhone),
        (out("", routes="1 0", method="REGISTER"), ToPhone),
    ],
)
def test_what_names_neither_the_edge_nor_a_trunk_is_no_trunks(request_: object, kind: type) -> None:
    assert isinstance(router().decide(request_), kind)  # type: ignore[arg-type]


def test_a_trunk_for_every_number_comes_after_the_shortest_prefix() -> None:
    made = trunks_of(all={"priority": 1}, zero={"prefixes": "0", "priority": 9})
    assert names(made.decide(out("0044"))) == ["zero", "all"]
    assert names(made.decide(out("110"))) == ["all"]


def test_of_pbxs_at_one_address_the_first_by_name_that_may_calls_out() -> None:
    here = {name: pbx("172.16.0.10", name=f"{name}.example") for name in ("zoo", "ant")}
    made = router({"best": {**TRUNKS["best"], "pbxs": ["zoo", "hq"]}}, {**here, **PBXS})
    for decision in (made.decide(out("0044")), made.decide(out("", "sip.best.example", method="REGISTER"))):
        assert isinstance(decision, ToTrunk)
        assert decision.pbx == "hq"


def test_trunks_at_one_address_take_what_each_is_for() -> None:
    made = trunks_of(secure={"transport": "tls", "dids": {"1X": "hq"}}, plain={"dids": {"2X": "hq"}})
    assert [isinstance(made.decide(call("22", proto=proto)), FromTrunk) for proto in ("udp", "tls")] == [True, True]


def test_who_a_caller_is_is_believed_when_all_trunks_at_an_address_are() -> None:
    trusted, doubted = {"identity": {"trust": True, "asserted": "from"}}, {"identity": {"trust": False}}
    for trunks, believed in (({"a": trusted}, True), ({"a": doubted}, False), ({"a": trusted, "b": doubted}, False)):
        found = trunks_of(**trunks).trunks
        assert found
        assert found.trusts(CARRIER) is believed


def test_addresses_are_remembered_within_bounds() -> None:
    found = trunks_of(carrier={}).trunks
    assert found
    for number in range(_MOST_ADDRESSES * 2):
        assert not found.at(f"10.1.{number >> 8}.{number & 255}")
    assert len(found._at) <= _MOST_ADDRESSES
    assert [trunk.name for trunk in found.at(CARRIER)] == ["carrier"]
    assert found.at("sip.carrier.example") == ()


def test_a_party_is_known_as_the_first_of_the_trunks_at_its_address() -> None:
    made = trunks_of(late={"priority": 2}, early={"priority": 1})
    found = made.trunk_at(CARRIER)
    assert found
    assert found.name == "early"
    assert made.trunk_at("192.0.2.200") is None


@pytest.mark.parametrize("broken", [{"sources": ["198.51.100.7/64"]}, {"dids": [{"pattern": "("}]}])
def test_a_trunk_that_no_worker_could_use_is_refused_when_it_is_read(broken: dict[str, Any]) -> None:
    entry = json.loads(dumps(router().policy))["trunks"]["carrier"]
    if "dids" in broken:
        broken = {"dids": [{**entry["dids"][0], **broken["dids"][0]}]}
    assert trunk_of(entry).name == "carrier"
    with pytest.raises((ValueError, re.error)):
        trunk_of({**entry, **broken})
