"""What the engines' states say to planning: files, actions, listeners. What the files hold, the engines judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jinja2
import pytest

from tests.unit.engines.networks import ONE, PLACES, PUBLIC, TWO, config, kamailio, pbx
from voxgate.engines.base import Action
from voxgate.engines.kamailio import dispatcher_list
from voxgate.engines.render import render
from voxgate.engines.rtpengine import Rtpengine
from voxgate.engines.sip_policy import policy_of
from voxgate.plan.steps import identity

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import EngineState

ENGINE = kamailio()


def state(made: Config, network: Network = ONE, generation: int = 1) -> EngineState:
    return ENGINE.desired(made, network, PLACES, generation)


def differing(before: EngineState, after: EngineState) -> dict[str, Action]:
    """Files that are not the same, with what a change of them takes."""
    olds = {file.path: identity(file) for file in before.files}
    return {file.path: file.action for file in after.files if olds.get(file.path) != identity(file)}


BASE = config()


@pytest.mark.parametrize(
    ("after", "files"),
    [
        pytest.param(config(), {}, id="nothing"),
        pytest.param(
            config({"hq": pbx("192.168.1.20"), "two": pbx("192.168.1.30", name="two.example")}),
            {"dispatcher.list": Action.DISPATCHER, "policy.json": Action.POLICY},
            id="a PBX is added",
        ),
        pytest.param(
            config(edge={"domain": "edge.example.com", "topology_hiding": False}),
            {"policy.json": Action.POLICY},
            id="topology hiding",
        ),
        pytest.param(
            config({"hq": pbx("192.168.1.20", balance="weight")}), {"policy.json": Action.POLICY}, id="another balance"
        ),
        pytest.param(
            config({"hq": pbx({"address": "192.168.1.20", "weight": 7})}),
            {"policy.json": Action.POLICY},
            id="another weight",
        ),
        pytest.param(config(media={"ports": "12000-13000"}), {}, id="media ports are rtpengine's"),
    ],
)
def test_what_happens_every_day_needs_no_restart(after: Config, files: dict[str, Action]) -> None:
    assert differing(state(BASE), state(after)) == files
    assert state(BASE).process == state(after).process


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(config(listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5071}}), id="a port"),
        pytest.param(config(listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5061, "workers": 8}}), id="workers"),
    ],
)
def test_what_kamailio_reads_only_at_its_start_takes_a_restart(after: Config) -> None:
    assert differing(state(BASE), state(after))["kamailio.cfg"] is Action.RESTART


def test_a_new_generation_alone_is_no_difference() -> None:
    assert differing(state(BASE, generation=1), state(BASE, generation=2)) == {}
    policies = [next(f.content for f in state(BASE, generation=n).files if f.path == "policy.json") for n in (1, 2)]
    assert policies[0] != policies[1]


def test_another_certificate_is_reloaded() -> None:
    other = replace(ENGINE, certificate=kamailio().certificate)
    assert differing(state(BASE), other.desired(BASE, ONE, PLACES, 1)) == {
        "certificate.pem": Action.TLS,
        "key.pem": Action.TLS,
    }


def test_secrets_are_marked_and_no_value_prints_them() -> None:
    made = state(BASE)
    assert {file.path for file in made.files if file.secret} == {"topology.key", "key.pem"}
    assert ENGINE.topology_key not in repr(ENGINE)
    assert "PRIVATE" not in repr(ENGINE)
    assert ENGINE.topology_key not in repr(made.process)


def test_without_tls_there_is_no_certificate_on_disk() -> None:
    made = state(config(listen={"sip": {"udp": 5060}}))
    assert not {file.path for file in made.files} & {"tls.cfg", "certificate.pem", "key.pem"}


@pytest.mark.parametrize(
    ("port", "capabilities"), [(5060, ()), (1024, ()), (1023, ("net_bind_service",)), (443, ("net_bind_service",))]
)
def test_only_a_low_port_takes_a_capability(port: int, capabilities: tuple[str, ...]) -> None:
    assert state(config(listen={"sip": {"udp": 5060, "tls": port}})).process.capabilities == capabilities


@pytest.mark.parametrize(
    ("network", "listeners"),
    [
        pytest.param(
            PUBLIC,
            {("udp", "203.0.113.45", 5060), ("tcp", "203.0.113.45", 5060), ("tls", "203.0.113.45", 5061)},
            id="one address",
        ),
        pytest.param(
            ONE,
            {
                (proto, address, port)
                for proto, port in (("udp", 5060), ("tcp", 5060), ("tls", 5061))
                for address in ("192.168.1.10", "2001:db8:1::10")
            },
            id="one interface, two versions: no socket twice, no brackets",
        ),
    ],
)
def test_listeners_are_what_the_world_can_reach(network: Network, listeners: set[tuple[str, str, int]]) -> None:
    made = state(config(listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5061}}), network).listeners
    assert {(one.proto, one.address, one.port) for one in made} == listeners
    assert len(made) == len(listeners)


def test_a_node_is_watched_from_the_side_it_is_on() -> None:
    pbxs = {
        "hq": pbx("172.16.0.10", "fd00:172::10", sip={"udp": 5060, "tls": 5061}),
        "far": pbx("198.51.100.7", name="f.x"),
    }
    policy = policy_of(config(pbxs), TWO, 1, media=True)
    rows = [line.split() for line in dispatcher_list(policy).decode().splitlines()]
    group = {name: str(one.group) for name, one in policy.pbxs.items()}
    assert rows == [
        [group["far"], "sip:198.51.100.7:5060;transport=udp", "0", "0", "socket=udp:203.0.113.45:5060"],
        [group["hq"], "sip:172.16.0.10:5060;transport=udp", "0", "0", "socket=udp:172.16.0.1:5060"],
        [group["hq"], "sip:[fd00:172::10]:5060;transport=udp", "0", "0", "socket=udp:[fd00:172::1]:5060"],
        [group["hq"], "sip:172.16.0.10:5061;transport=tls", "0", "0", "socket=tls:172.16.0.1:5061"],
        [group["hq"], "sip:[fd00:172::10]:5061;transport=tls", "0", "0", "socket=tls:[fd00:172::1]:5061"],
    ]


@pytest.mark.parametrize(
    ("network", "interfaces"),
    [
        pytest.param(
            ONE,
            [
                "inside/192.168.1.10",
                "inside/2001:db8:1::10",
                "outside/192.168.1.10!203.0.113.45",
                "outside/2001:db8:1::10",
            ],
            id="one interface behind a NAT router",
        ),
        pytest.param(
            TWO,
            ["inside/172.16.0.1", "inside/fd00:172::1", "outside/203.0.113.45", "outside/2001:db8:1::10"],
            id="two interfaces",
        ),
        pytest.param(PUBLIC, ["inside/203.0.113.45", "outside/203.0.113.45"], id="a public address"),
    ],
)
def test_rtpengine_has_an_interface_for_each_side(network: Network, interfaces: list[str]) -> None:
    argv = Rtpengine().desired(BASE, network, PLACES, 1).process.argv
    assert [word.removeprefix("--interface=") for word in argv if word.startswith("--interface=")] == interfaces


def test_rtpengine_gets_media_settings_and_listens_to_this_machine_alone() -> None:
    media = {"ports": "30000-39999", "dscp": 46, "timeout_seconds": 30, "hold_timeout_seconds": 600}
    made = Rtpengine().desired(config(media=media), TWO, PLACES, 1)
    assert {"--port-min=30000", "--port-max=39999", "--tos=184", "--timeout=30"} <= set(made.process.argv)
    assert "--silent-timeout=600" in made.process.argv
    assert "--listen-ng=127.0.0.1:2223" in made.process.argv
    assert {"--homer=127.88.0.1:2228", "--homer-protocol=udp", "--homer-id=1"} <= set(made.process.argv)
    assert (made.process.user, made.process.capabilities, made.files) == ("rtpengine", (), ())


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert state(BASE) == state(config())


def test_a_value_that_a_template_lacks_is_an_error_not_an_empty_line() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'folder' is undefined"):
        render("tls.cfg", checks=False)
