"""For whom a call counts, which trunk it takes where one is full, and what a caller hears that finds no place."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.ksr.fake import FakeKsr
from tests.unit.voxgate_sip.offices import OFFICE, ONE, PHONE, SHOP, VAULT, from_pbx, from_phone, node, pbx, policy
from tests.unit.voxgate_sip.shared import Shared
from tests.unit.voxgate_sip.test_trunk_calls import CARRIER, GUARD
from voxgate_sip.destinations import FromTrunk, ToTrunk
from voxgate_sip.events import Emitter
from voxgate_sip.gate import LEAST_CALLS, Gate, is_wanted
from voxgate_sip.limits import SEAT, SENDER, is_answered, place_of
from voxgate_sip.route import Answer, Ignore, ToPbx, ToPhone
from voxgate_sip.trunks import Did

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate_sip.route import Decision, Request

BACKUP = replace(CARRIER, name="backup", group=10)
TO_OFFICE, TO_VAULT = ToPbx(OFFICE, OFFICE.plain), ToPbx(VAULT, VAULT.secure)
FROM_CARRIER = FromTrunk(CARRIER, Did("030", ("office", "vault"), frozenset(), 0), "030")
OUT = ToTrunk("office", (CARRIER, BACKUP), "030")
EVERY = dict.fromkeys(("pbx:office", "pbx:vault", "trunk:carrier", "trunk:backup", "from"), (9, 0))
COUNTED = replace(OFFICE, balance=LEAST_CALLS)
DEAR = replace(GUARD, classes={"0900": "dear"}, calls={"dear": 1})


class Door:
    """A gate with tables that stand in for Kamailio's; each call has its own Call-ID."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.fake = FakeKsr({"$sp": 5060})
        self.shared = Shared(self.fake)
        self.fake.answers["tm.t_check_trans"] = -1
        self.policy = policy(**{"trunks": {"carrier": CARRIER, "backup": BACKUP}, **changes})
        self.gate = Gate(self.fake.ksr, self.policy, Emitter(str(folder / "events.sock")), lambda: 0)

    def call(self, decision: Decision, request: Request | None = None, call_id: str = "1") -> Decision | None:
        self.fake.variables |= {"$ci": call_id, "$ft": "f", "$cs": 1}
        return self.gate.judge(request or from_phone(), decision)

    def counts_for(self, call_id: str = "1") -> set[str]:
        text = self.shared.tables.get("places", {}).get(f"{call_id}|f")
        return set(place_of(text).subjects) if text else set()


@pytest.mark.parametrize(
    ("request_", "decision", "subjects"),
    [
        (from_phone(), TO_OFFICE, {"pbx:office", f"from:{PHONE}"}),
        (from_phone(source="2001:db8:77::7"), TO_OFFICE, {"pbx:office", "from:2001:db8:77::/64"}),
        (from_pbx(), TO_VAULT, {"pbx:office", "pbx:vault"}),
        (from_pbx(), ToPhone(), {"pbx:office"}),
        (from_pbx(), OUT, {"pbx:office", "trunk:carrier"}),
        (from_phone(source="192.0.2.9"), FROM_CARRIER, {"pbx:office", "trunk:carrier"}),
        (from_phone(), ToPbx(SHOP, SHOP.plain), {f"from:{PHONE}"}),
    ],
)
def test_a_call_counts_for_both_its_ends_its_trunk_and_whoever_asks(
    tmp_path: Path, request_: Request, decision: Decision, subjects: set[str]
) -> None:
    door = Door(tmp_path, limits=EVERY)
    assert door.call(decision, request_) == decision
    assert door.counts_for() == subjects


@pytest.mark.parametrize("decision", [Answer(200, "OK"), Ignore("")])
def test_what_is_no_call_is_not_counted(tmp_path: Path, decision: Decision) -> None:
    door = Door(tmp_path, limits=EVERY)
    assert door.call(decision) == decision
    assert not door.counts_for()


def test_a_full_trunk_hands_the_call_to_the_next_and_only_the_last_one_refuses(tmp_path: Path) -> None:
    door = Door(tmp_path, limits={"trunk:carrier": (1, 0), "trunk:backup": (1, 0)})
    assert door.call(OUT, from_pbx(), "1") == OUT
    assert door.call(OUT, from_pbx(), "2") == OUT._replace(trunks=(BACKUP,))
    assert (door.counts_for("1"), door.counts_for("2")) == ({"trunk:carrier"}, {"trunk:backup"})
    assert door.call(OUT, from_pbx(), "3") == Answer(503, "Service Unavailable", "trunk-calls-limit:backup")
    assert not door.counts_for("3")


def test_a_trunk_that_has_all_its_calls_lets_none_in(tmp_path: Path) -> None:
    door = Door(tmp_path, limits={"trunk:carrier": (1, 0), "trunk:backup": (9, 0)})
    provider = from_phone(source="192.0.2.9")
    door.call(FROM_CARRIER, provider, "1")
    refused = door.call(FROM_CARRIER, provider, "2")
    assert isinstance(refused, Answer)
    assert refused.reason == "trunk-calls-limit:carrier"


def test_no_other_trunk_is_tried_for_a_pbx_that_has_all_its_calls(tmp_path: Path) -> None:
    door = Door(tmp_path, limits={"pbx:office": (1, 0), "trunk:carrier": (9, 0)})
    door.call(OUT, from_pbx(), "1")
    assert door.call(OUT, from_pbx(), "2") == Answer(503, "Service Unavailable", "pbx-calls-limit:office")


@pytest.mark.parametrize(
    ("limits", "answer", "wait_s"),
    [
        ({"pbx:office": (1, 0)}, Answer(486, "Busy Here", "pbx-calls-limit:office"), 10),
        ({"pbx:office": (0, 1)}, Answer(503, "Service Unavailable", "pbx-rate-limit:office"), 1),
        ({"from": (1, 0)}, Answer(486, "Busy Here", "from-calls-limit"), 10),
        ({"from": (0, 1)}, Answer(503, "Service Unavailable", "from-rate-limit"), 1),
    ],
)
def test_a_phone_hears_the_busy_tone_or_when_to_come_again(
    tmp_path: Path, limits: dict[str, Any], answer: Answer, wait_s: int
) -> None:
    door = Door(tmp_path, limits=limits)
    door.call(TO_OFFICE, call_id="1")
    assert door.call(TO_OFFICE, call_id="2") == answer
    assert door.fake.args_of("hdr.append_to_reply") == [(f"Retry-After: {wait_s}\r\n",)]


def test_a_call_id_that_cannot_be_counted_is_a_bad_request(tmp_path: Path) -> None:
    door = Door(tmp_path, limits=EVERY)
    assert door.call(TO_OFFICE, call_id="x" * 600) == Answer(400, "Bad Request", "call-id-too-long")
    assert not door.fake.args_of("hdr.append_to_reply")


def test_calls_of_nodes_are_counted_where_the_least_busy_one_is_called(tmp_path: Path) -> None:
    door = Door(tmp_path, pbxs={"office": COUNTED, "vault": VAULT, "shop": SHOP})
    to_counted = ToPbx(COUNTED, COUNTED.plain)
    door.call(to_counted, call_id="in")
    assert door.call(to_counted, call_id="another") == to_counted
    door.call(ToPhone(), from_pbx(), "out")
    door.call(TO_VAULT, from_pbx(), "across")
    door.call(FROM_CARRIER, from_phone(source="192.0.2.9"), "carried")
    door.call(TO_VAULT, call_id="other")
    sender = f"{SENDER}10.0.0.1"
    assert [door.counts_for(one) for one in ("in", "out", "across", "carried", "other")] == [
        {"pbx:office"},
        {"pbx:office", sender},
        {"pbx:office", sender},
        {"pbx:office"},
        set(),
    ]
    door.fake.variables["$ci"] = "in"
    door.gate.seat(ONE)
    assert f"{SEAT}{ONE.uri}" in door.counts_for("in")
    assert [door.gate.load(one) for one in COUNTED.plain] == [3, 0]


def test_calls_are_counted_for_limits_guards_and_the_least_busy_node_and_else_not_at_all() -> None:
    wanted = [
        is_wanted(policy(**changes))
        for changes in ({}, {"limits": EVERY}, {"fraud": {"office": GUARD}}, {"pbxs": {"office": COUNTED}})
    ]
    assert wanted == [False, True, True, True]


@pytest.mark.parametrize(("refuse", "second"), [(True, 503), (False, 0)])
def test_a_class_of_numbers_has_its_own_places_which_only_a_guard_that_refuses_closes(
    tmp_path: Path, *, refuse: bool, second: int
) -> None:
    door = Door(tmp_path, fraud={"office": replace(DEAR, refuse=refuse)})
    dear = from_pbx(ruri_user="0900 1")
    assert door.call(ToPhone(), dear, "1") == ToPhone()
    assert door.counts_for("1") == {"pbx:office", "class:office/dear"}
    assert door.shared.tables["places"]["1|f"].split(" ")[2] == "09001"
    refused = door.call(ToPhone(), dear, "2")
    assert (refused.code if isinstance(refused, Answer) else 0) == second


def test_a_class_without_a_number_of_calls_is_only_counted(tmp_path: Path) -> None:
    door = Door(tmp_path, fraud={"office": replace(DEAR, calls={}, metered=("dear",))})
    door.fake.answers["htable.sht_get", "spent", "office/dear"] = None
    for call_id in ("1", "2"):
        assert door.call(ToPhone(), from_pbx(ruri_user="0900"), call_id) == ToPhone()


@pytest.mark.parametrize("refuse", [True, False])
def test_a_call_where_nobody_may_call_is_told_whether_it_is_refused_or_not(tmp_path: Path, *, refuse: bool) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "events.sock"))
        receiver.setblocking(False)
        door = Door(tmp_path, fraud={"office": replace(GUARD, refuse=refuse)})
        assert isinstance(door.call(ToPhone(), from_pbx(ruri_user="00881")), Answer) is refuse
        told = json.loads(receiver.recv(65536))
    assert {key: told[key] for key in ("event", "pbx", "reason", "number")} == {
        "event": "fraud", "pbx": "office", "reason": "denied-destination", "number": "00881",
    }  # fmt: skip


def test_a_guard_looks_at_what_its_pbx_sends_out_to_phones_and_trunks_alone(tmp_path: Path) -> None:
    door = Door(tmp_path, fraud={"office": GUARD})
    denied = from_pbx(ruri_user="00881")
    forbidden = Answer(403, "Forbidden", "fraud-denied-destination:office")
    assert door.call(ToPhone(), denied) == forbidden
    assert door.call(OUT._replace(number="00881"), from_pbx(), "2") == forbidden
    assert door.call(TO_VAULT, denied, "3") == TO_VAULT
    assert not door.counts_for("3")
    assert door.call(TO_OFFICE, from_phone(ruri_user="00881"), "4") == TO_OFFICE
    assert door.call(ToPhone(), from_pbx(source="198.51.100.7", ruri_user="00881"), "5") == ToPhone()


def test_the_port_tells_pbxs_at_one_address_apart(tmp_path: Path) -> None:
    here, there = pbx("here", (ONE,)), pbx("there", (node("10.0.0.1", port=5070),))
    door = Door(tmp_path, pbxs={"here": here, "there": there}, limits={"pbx:here": (9, 0), "pbx:there": (9, 0)})
    for port, owner in ((5060, "here"), (5070, "there"), (40000, "here")):
        door.fake.variables["$sp"] = port
        door.call(ToPhone(), from_pbx(), str(port))
        assert door.counts_for(str(port)) == {f"pbx:{owner}"}


def test_a_place_is_given_back_only_by_a_call_that_did_not_leave_and_once(tmp_path: Path) -> None:
    door = Door(tmp_path, limits=EVERY)
    door.call(TO_OFFICE)
    door.gate.settle(left=True)
    door.gate.settle(left=False)
    assert door.counts_for()
    door.call(TO_OFFICE, call_id="2")
    door.gate.settle(left=False)
    assert not door.counts_for("2")
    assert door.counts_for()


def test_an_answered_call_is_marked_so(tmp_path: Path) -> None:
    door = Door(tmp_path, limits=EVERY)
    door.call(TO_OFFICE)
    door.gate.answered("1", "f")
    assert is_answered(door.shared.tables["places"]["1|f"])
