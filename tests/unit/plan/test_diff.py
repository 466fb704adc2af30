from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import NETWORK, OUTSIDE, desired, edited, without_engine
from voxgate.config.model import Config
from voxgate.config.network import Side, SideAddress
from voxgate.engines.base import Action
from voxgate.plan.diff import diff
from voxgate.plan.steps import Do, as_found

if TYPE_CHECKING:
    from voxgate.plan.diff import Plan

BRANCH = {"names": ["branch.example.com", "voice.branch.example"], "nodes": [{"address": "172.16.8.10"}]}
TWO = [{"address": "172.16.0.10"}, {"address": "172.16.0.11", "priority": 2}]


def plan_of(path: str, value: object) -> Plan:
    return diff(desired(edited(), 1), desired(edited(path, value), 2))


KAMAILIO_RESTARTS = "Kamailio restarts, calls go on, TCP and TLS connections must be opened again"

SENTENCES = [
    ("pbxs.branch", BRANCH, "+ adds PBX branch: 2 service names, 1 node"),
    ("pbxs.x", "-", "- removes PBX x: 3 names get no service"),
    ("pbxs.hq.nodes", TWO, "+ PBX hq: adds node 172.16.0.11 (priority 2)"),
    ("pbxs.hq.balance", "round-robin", "~ PBX hq: balance: hash-user -> round-robin"),
    ("pbxs.hq.sip", {"udp": 5080}, "~ PBX hq: its port for SIP over UDP: 5060 -> 5080"),
    ("pbxs.hq.failover", {"timeout_seconds": 3.5}, "~ PBX hq: seconds until the next node is tried: 2 -> 3.5"),
    ("pbxs.hq.failover", {"codes": [503, 480]}, "~ PBX hq: answers that lead to the next node: 503 -> 503, 480"),
    ("pbxs.hq.names", ["example.com"], "- PBX hq: gives up 1 name (hq.example.com): 1 name gets no service"),
    ("pbxs.hq.names", ["example.com", "hq.example.com", "a.b"], "+ PBX hq: adds 1 name (a.b)"),
    ("pbxs.hq.names", ["hq.example.com", "example.com"], "~ PBX hq: other order of its names"),
    (
        "listen.sip",
        {"udp": 5060, "tcp": 5060, "tls": 5071},
        f"~ moves SIP/TLS from port 5061 to port 5071: {KAMAILIO_RESTARTS}",
    ),
    (
        "listen.sip",
        {"udp": 5060, "tcp": 5060},
        f"- no longer serves SIP/TLS (port 5061): {KAMAILIO_RESTARTS}",
    ),
    (
        "media.ports",
        "30000-40000",
        "~ media ports: 10000-20000 -> 30000-40000: rtpengine restarts, calls in progress lose audio",
    ),
    (
        "edge.topology_hiding",
        False,
        f"~ topology hiding: on -> off: {KAMAILIO_RESTARTS}",
    ),
    (
        "health.interval_seconds",
        30,
        f"~ health checks: seconds between two of a node: 5 -> 30: {KAMAILIO_RESTARTS}",
    ),
]


@pytest.mark.parametrize(("path", "value", "sentence"), SENTENCES, ids=[row[2][:60] for row in SENTENCES])
def test_a_change_is_told_in_one_sentence(path: str, value: object, sentence: str) -> None:
    assert [str(change) for change in plan_of(path, value).changes] == [sentence]


def test_a_name_that_moves_is_not_called_lost() -> None:
    moved = edited("pbxs.hq.names", ["example.com", "hq.example.com", "x.example"])
    tree = moved.model_dump()
    tree["pbxs"]["x"]["names"] = ("y.example", "z.example")
    told = [change.sentence for change in diff(desired(edited()), desired(Config.model_validate(tree))).changes]
    assert "PBX x: gives up 1 name (x.example): PBX hq takes x.example" in told


ACTIONS = [
    ("pbxs.hq.nodes", TWO, {("kamailio", Do.DISPATCHER), ("kamailio", Do.POLICY)}),
    ("pbxs.hq.names", ["a.b"], {("kamailio", Do.POLICY)}),
    ("media.ports", "30000-40000", {("rtpengine", Do.RESTART), ("kamailio", Do.POLICY)}),
    ("listen.sip", {"udp": 5062}, {("kamailio", Do.RESTART)}),
    ("edge.local_networks", ["10.0.0.0/8"], {("kamailio", Do.RESTART)}),
]


@pytest.mark.parametrize(("path", "value", "actions"), ACTIONS, ids=[row[0] for row in ACTIONS])
def test_the_smallest_sufficient_action_is_chosen(path: str, value: object, actions: set[tuple[str, Do]]) -> None:
    assert {(step.engine, step.action) for step in plan_of(path, value).steps} == actions


def test_the_generation_number_alone_is_nothing_to_do() -> None:
    plan = diff(desired(edited(), 1), desired(edited(), 2))
    assert plan.nothing_to_do
    assert plan.generation == 1
    assert str(plan) == "Nothing to do: generation 1 runs as configured."


def test_a_renewed_certificate_is_told_and_only_reloaded() -> None:
    plan = diff(desired(edited(), 1), desired(edited(), 2, certificate=b"new"))
    assert [str(change) for change in plan.changes] == ["~ certificate for TLS is another one: TLS connections stay"]
    assert [step.action for step in plan.steps] == [Do.TLS, Do.POLICY]
    assert not plan.dangers


def test_a_certificate_that_comes_with_tls_is_not_called_another_one() -> None:
    before, after = desired(edited("listen.sip", {"udp": 5060}), 1), desired(edited(), 2)
    kamailio = before.engines[1]
    files = tuple(file for file in kamailio.files if file.action is not Action.TLS)
    before = replace(before, engines=(before.engines[0], replace(kamailio, files=files)))
    told = [change.sentence for change in diff(before, after).changes]
    assert told == ["serves SIP/TCP on port 5060", "serves SIP/TLS on port 5061"]


def test_another_order_of_the_nodes_is_told() -> None:
    before, after = (desired(edited("pbxs.hq.nodes", nodes), at) for at, nodes in ((1, TWO), (2, TWO[::-1])))
    assert [change.sentence for change in diff(before, after).changes] == [
        "PBX hq: order of its nodes: 172.16.0.10, 172.16.0.11 -> 172.16.0.11, 172.16.0.10"
    ]


def test_another_command_line_with_the_same_configuration_is_told() -> None:
    before, after = desired(edited(), 1), desired(edited(), 2)
    process = replace(after.engines[0].process, env=(("LANG", "C"),))
    after = replace(after, engines=(replace(after.engines[0], process=process), after.engines[1]))
    assert [change.sentence for change in diff(before, after).changes] == [
        "rtpengine: restart (command line), though the configuration is the same"
    ]


def test_a_file_changed_by_hand_is_put_right() -> None:
    before = desired(edited(), 1)
    found = as_found(before, {("kamailio", "policy.json"): b"mine", ("kamailio", "kamailio.cfg"): None})
    plan = diff(found, desired(edited(), 2))
    assert [(step.action, step.because) for step in plan.steps] == [(Do.RESTART, ("kamailio.cfg",))]
    assert {file.path for file in plan.steps[0].write} == {"kamailio.cfg", "policy.json"}
    assert len(plan.changes) == 1


def test_the_network_is_told_although_the_file_is_the_same() -> None:
    moved = SideAddress(Side.OUTSIDE4, ip_address("203.0.113.99"), OUTSIDE.local)
    inside = SideAddress(Side.INSIDE4, OUTSIDE.local, OUTSIDE.local)
    network = replace(NETWORK, sides=(moved, inside), local_networks=(ip_network("10.8.0.0/24"),))
    plan = diff(desired(edited(), 1), desired(edited(), 2, network))
    assert [str(change) for change in plan.changes] == [
        "+ inside, IPv4: served on 192.168.1.10, seen as 192.168.1.10",
        "~ outside, IPv4: 192.168.1.10, seen as 203.0.113.45 -> 192.168.1.10, seen as 203.0.113.99",
        "+ network 10.8.0.0/24 counts as local",
        "- network 192.168.1.0/24 counts as local no longer",
    ]
    assert plan.dangers


def test_a_node_that_becomes_local_is_told_once() -> None:
    network = replace(NETWORK, local_networks=(*NETWORK.local_networks, ip_network("172.16.0.11/32")))
    plan = diff(desired(edited(), 1), desired(edited("pbxs.hq.nodes", TWO), 2, network))
    assert [change.sentence for change in plan.changes] == ["PBX hq: adds node 172.16.0.11 (priority 2)"]


DANGERS = [
    ("pbxs.x", "-", ["removes PBX x: 3 names get no service"]),
    ("pbxs.hq.nodes", [{"address": "172.16.0.99"}], []),
    ("pbxs.branch", BRANCH, []),
    ("media.ports", "30000-40000", ["rtpengine restarts, calls in progress lose audio"]),
    (
        "listen.sip",
        {"udp": 5060, "tcp": 5060, "tls": 5071},
        [
            "moves SIP/TLS from port 5061 to port 5071",
            KAMAILIO_RESTARTS,
        ],
    ),
    (
        "pbxs",
        {"hq": {"names": ["a.b"], "nodes": [{"address": "10.0.0.1"}]}, "x": BRANCH},
        ["replaces 2 of 2 PBXs"],
    ),
]


@pytest.mark.parametrize(("path", "value", "dangers"), DANGERS, ids=[f"{row[0]} {len(row[2])}" for row in DANGERS])
def test_what_needs_a_human_word_is_named(path: str, value: object, dangers: list[str]) -> None:
    assert list(plan_of(path, value).dangers) == dangers


def test_an_engine_that_is_no_longer_wanted_is_a_danger() -> None:
    before = desired(edited(), 1)
    plan = diff(before, without_engine(desired(edited(), 2), "rtpengine"))
    assert plan.dangers == ("rtpengine stops, calls in progress lose audio",)


def test_a_first_start_tells_what_it_brings_and_needs_no_word() -> None:
    plan = diff(None, desired(edited()))
    assert [change.sentence for change in plan.changes] == [
        "serves SIP/UDP on port 5060",
        "serves SIP/TCP on port 5060",
        "serves SIP/TLS on port 5061",
        "relays media on UDP ports 10000-20000",
        "adds PBX hq: 2 service names, 1 node",
        "adds PBX x: 3 service names, 1 node",
        "adds trunk carrier: 1 number in, out for no PBX",
    ]
    assert [(step.engine, step.action) for step in plan.steps] == [("rtpengine", Do.START), ("kamailio", Do.START)]
    assert not plan.dangers


def test_a_plan_is_one_line_in_the_history() -> None:
    assert diff(desired(edited()), desired(edited())).summary == "nothing to do"
    assert plan_of("pbxs.x", "-").summary == "removes PBX x: 3 names get no service"
    assert plan_of("listen.sip", {"udp": 5060}).summary == "no longer serves SIP/TCP (port 5060) (and 1 more)"


def test_programs_are_told_a_change_by_kind_and_key() -> None:
    told = plan_of("pbxs.x", "-").to_json()["changes"]
    sentence = "removes PBX x: 3 names get no service"
    assert told == [{"kind": "remove", "key": "pbxs.x", "sentence": sentence, "effect": ""}]


def test_each_change_is_told_with_what_its_own_engines_do() -> None:
    tree = edited("media.ports", "30000-40000").model_dump()
    tree["listen"]["sip"]["tls"] = 5071
    tree["pbxs"]["hq"]["names"] = ("example.com",)
    plan = diff(desired(edited(), 1), desired(Config.model_validate(tree), 2))
    assert {change.key: change.effect for change in plan.changes} == {
        "media.ports": "rtpengine restarts, calls in progress lose audio",
        "listen.sip.tls": KAMAILIO_RESTARTS,
        "pbxs.hq.names": "",
    }


def test_a_change_of_certificates_is_told_with_their_reload_and_no_other_change_is() -> None:
    tree = edited("pbxs.hq.names", ["example.com"]).model_dump()
    tree["certificates"]["others"]["shop"]["names"] = ("example.net",)
    plan = diff(desired(edited(), 1), desired(Config.model_validate(tree), 2, certificate=b"new"))
    assert {change.key.split(".")[0]: change.effect for change in plan.changes} == {
        "pbxs": "",
        "certificates": "TLS connections stay",
    }


def test_what_is_added_needs_no_word_and_a_side_that_goes_does() -> None:
    without_tls = desired(edited("listen.sip", {"udp": 5060, "tcp": 5060}), 1)
    assert not [danger for danger in diff(without_tls, desired(edited(), 2)).dangers if "serves" in danger]
    inside = SideAddress(Side.INSIDE4, OUTSIDE.local, OUTSIDE.local)
    both = replace(NETWORK, sides=(OUTSIDE, inside))
    assert not diff(desired(edited(), 1), desired(edited(), 2, both)).dangers
    assert diff(desired(edited(), 1, both), desired(edited(), 2)).dangers


def test_reloads_come_before_restarts_and_the_policy_after_them() -> None:
    before, after = desired(edited(), 1), desired(edited("pbxs.hq.nodes", TWO), 2, certificate=b"new")
    process = replace(after.engines[0].process, argv=("rtpengine", "--other"))
    after = replace(after, engines=(replace(after.engines[0], process=process), after.engines[1]))
    assert [step.action for step in diff(before, after).steps] == [Do.TLS, Do.DISPATCHER, Do.RESTART, Do.POLICY]


def test_the_plan_prints_itself() -> None:
    assert str(plan_of("pbxs.x", "-")).splitlines() == [
        "Generation 2 (now 1)",
        "",
        "  - removes PBX x: 3 names get no service",
        "",
        "What will be done:",
        "  kamailio: reload dispatcher (dispatcher.list)",
        "  kamailio: reload policy (policy.json)",
        "",
        "Needs your word (--yes):",
        "  ! removes PBX x: 3 names get no service",
    ]
