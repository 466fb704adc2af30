"""What HAProxy's and Kamailio's states say to planning where browsers are served."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.engines.networks import ONE, PLACES, PUBLIC, TWO, config, kamailio, pbx
from voxgate.engines.base import Action
from voxgate.engines.haproxy.engine import MOST_THREADS, Haproxy, web_threads
from voxgate.engines.sip_policy import policy_of, sockets_of
from voxgate.plan.desired import Desired
from voxgate.plan.diff import diff
from voxgate.plan.steps import Do

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import EngineState

KEY = "0123456789abcdef0123456789abcdef"
KAMAILIO = replace(kamailio(), websocket_key=KEY)
HAPROXY = Haproxy(KAMAILIO.certificate, KEY)


def browsers(**more: object) -> Config:
    return config(listen={"sip": {"udp": 5060, "wss": 443, **more}})


def state(made: Config, network: Network = ONE) -> EngineState:
    return HAPROXY.desired(made, network, PLACES, 1)


def desired(made: Config, generation: int) -> Desired:
    """All of the two engines that browsers need; HAProxy where they are served."""
    web = (state(made),) if made.listen.sip.wss else ()
    return Desired(generation, made, ONE, (KAMAILIO.desired(made, ONE, PLACES, generation), *web))


@pytest.mark.parametrize(
    ("made", "network", "listeners"),
    [
        (browsers(), PUBLIC, {("tls", "203.0.113.45", 443)}),
        (browsers(), ONE, {("tls", "192.168.1.10", 443), ("tls", "2001:db8:1::10", 443)}),
        (browsers(ws=80), PUBLIC, {("tls", "203.0.113.45", 443), ("tcp", "203.0.113.45", 80)}),
        (
            browsers(wss=8443),
            TWO,
            {("tls", host, 8443) for host in ("172.16.0.1", "fd00:172::1", "203.0.113.45", "2001:db8:1::10")},
        ),
    ],
)
def test_haproxy_listens_once_on_every_address(
    made: Config, network: Network, listeners: set[tuple[str, str, int]]
) -> None:
    found = state(made, network).listeners
    assert {(one.proto, one.address, one.port) for one in found} == listeners
    assert len(found) == len(listeners)


def test_kamailio_opens_no_socket_for_websocket_itself() -> None:
    policy = policy_of(browsers(ws=8080), ONE, 1, media=True)
    assert {proto for proto, _, _ in sockets_of(policy)} == {"udp"}
    assert {view.ports["ws"] for view in policy.sides.values()} == {443}
    assert "ws" in policy.served


def test_pages_of_the_edge_of_every_pbx_and_of_listed_hosts_may_connect() -> None:
    pbxs = {"hq": pbx("192.168.1.20", name="HQ.example.com"), "gate": pbx("192.168.1.21", name="example.com/berlin")}
    made = config(pbxs, listen={"sip": {"wss": 443, "origins": "crm.example.org"}})
    door = policy_of(made, ONE, 1, media=True).websocket
    assert door is not None
    assert door.origins == {"edge.example.com", "hq.example.com", "crm.example.org"}
    assert policy_of(config(), ONE, 1, media=True).websocket is None


def test_what_changes_every_day_closes_no_websocket() -> None:
    before, other = browsers(), Haproxy(kamailio().certificate, KEY)
    assert state(before) == state(config({"two": pbx("192.168.1.30")}, listen={"sip": {"udp": 5060, "wss": 443}}))
    after = other.desired(browsers(ws=8080), ONE, PLACES, 2)
    changed = {file.path: file.action for file in after.files if file not in state(before).files}
    assert changed == {"haproxy.cfg": Action.RELOAD, "certificate.pem": Action.TLS}
    assert after.process == state(before).process


def test_a_listener_knows_whose_tls_it_passes_on() -> None:
    pbxs = {
        "hq": {**pbx("192.168.1.20", name="hq.example.com"), "http": {"tls": 443, "pass_tls": True}},
        "gate": {**pbx("192.168.1.21", name="gate.example.com"), "http": {"plain": 80, "allow_urls": "/x"}},
    }
    made = config(pbxs, listen={"sip": {"udp": 5060, "wss": 8443}, "http": {"plain": 80, "tls": 443}})
    passed = {one.port: one.passed for one in state(made).listeners}
    assert passed == {443: {"hq.example.com"}, 80: frozenset(), 8443: frozenset()}


def test_secrets_are_marked_and_no_value_prints_them() -> None:
    assert all(file.secret for file in state(browsers()).files if file.path != "certificates.txt")
    assert KEY not in repr(HAPROXY) + repr(KAMAILIO) + repr(state(browsers()).process)


def test_the_plan_starts_haproxy_after_kamailio_and_stops_it_with_a_word() -> None:
    without, served = config(listen={"sip": {"udp": 5060}}), browsers()
    plan = diff(desired(without, 1), desired(served, 2))
    assert [(step.engine, step.action) for step in plan.steps] == [
        ("kamailio", Do.RESTART),
        ("haproxy", Do.START),
    ]
    assert "serves SIP/WSS on port 443" in str(plan)
    back = diff(desired(served, 2), desired(without, 3))
    assert (back.steps[-1].engine, back.steps[-1].action) == ("haproxy", Do.STOP)
    assert any("WSS" in danger for danger in back.dangers)
    moved = diff(desired(served, 2), desired(browsers(wss=8443), 3))
    assert ("haproxy", Do.RELOAD) in [(step.engine, step.action) for step in moved.steps]


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 2), (8, 7), (256, MOST_THREADS)])
def test_a_core_is_left_to_calls(cores: int, threads: int) -> None:
    assert web_threads(cores) == threads
    made = replace(HAPROXY, web_threads=threads).desired(browsers(), ONE, PLACES, 1)
    (text,) = (file.content.decode() for file in made.files if file.path == "haproxy.cfg")
    assert all(line.endswith(f" thread 1-{threads}") for line in text.splitlines() if line.startswith("    bind "))
