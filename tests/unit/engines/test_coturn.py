"""What the relay is made of: which processes, which peers, and what a change of each key takes."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from tests.unit.engines.networks import ONE, PLACES, TWO, config
from voxgate.config.secrets import Secret
from voxgate.config.turn import Turn
from voxgate.engines.base import Action
from voxgate.engines.coturn import Coturn, coturns, own_addresses, roles
from voxgate.engines.kamailio import Pair
from voxgate.engines.turn_tables import peers_of

if TYPE_CHECKING:
    from voxgate.engines.base import EngineState

PAIR = Pair(b"certificate", b"key")


def turn(**more: object) -> Turn:
    return Turn.model_validate(
        {"tls_port": 5349, "accounts": {"a": Secret("x" * 8)}, "shared_secret": Secret("y" * 16), **more}
    )


def state(section: Turn, which: int = 0) -> EngineState:
    made: Coturn = coturns(section, PAIR, "key")[which]
    return made.desired(config(), TWO, PLACES, 1)


def test_one_process_for_one_kind_of_credentials_two_for_both() -> None:
    assert [(one.name, one.port, one.credentials) for one in roles(turn())] == [
        ("coturn", 3478, "accounts"),
        ("coturn-rest", 3480, "rest"),
    ]
    assert [(one.port, one.credentials) for one in roles(turn(accounts={}))] == [(3478, "rest")]
    assert [(one.port, one.credentials) for one in roles(Turn())] == [(3478, "none")]
    assert coturns(None, PAIR, "key") == ()


def test_two_processes_share_the_relays_ports_and_have_none_in_common() -> None:
    first, second = (one.relay_ports for one in roles(turn(relay_ports="30000-30007")))
    assert (first.first, first.last, second.first, second.last) == (30000, 30003, 30004, 30007)


@pytest.mark.parametrize(
    ("change", "files"),
    [
        ({"accounts": {"b": Secret("x" * 8)}}, "tables.json"),
        ({"quota": {"per_user": 3}}, "tables.json"),
        ({"peers": ["172.16.0.0/24"]}, "tables.json fence.nft"),
        ({"relay_ports": "30000-31000"}, "turnserver.conf fence.nft"),
        ({"port": 3500}, "turnserver.conf"),
        ({"credential_seconds": 60}, ""),
    ],
    ids=str,
)
def test_only_what_coturn_holds_by_itself_takes_a_restart(change: dict[str, object], files: str) -> None:
    before, after = ({file.path: file for file in state(turn(**keys)).files} for keys in ({}, change))
    changed = {path for path, file in after.items() if before[path].content != file.content}
    assert changed == set(files.split())
    assert {after[path].action for path in changed} <= {Action.TABLES} or "turnserver.conf" in changed


def test_a_secret_is_in_secret_files_alone() -> None:
    for which in (0, 1):
        made = state(turn(), which)
        assert not any(b"x" * 8 in file.content or b"y" * 16 in file.content for file in made.files if not file.secret)
        assert "y" * 16 not in " ".join(made.process.argv)
    assert json.loads(next(file for file in state(turn(), 1).files if file.path == "tables.json").content)["secrets"]


def test_low_ports_take_the_right_to_open_them() -> None:
    assert state(turn()).process.capabilities == ()
    assert state(turn(tls_port=443)).process.capabilities == ("net_bind_service",)


def test_with_a_second_address_coturn_listens_on_these_two_of_the_family_alone() -> None:
    addresses = {one.address for one in state(turn(second_address="203.0.113.46")).listeners}
    assert {one for one in addresses if ":" not in one} == {"203.0.113.46", "203.0.113.45"}
    assert not any(one.address == "203.0.113.46" for one in state(turn(second_address="203.0.113.46"), 1).listeners)


def test_our_own_addresses_are_no_peers_in_a_network_that_holds_them() -> None:
    ranges = list(peers_of(turn(peers=["172.16.0.0/29"]), [ip_address("172.16.0.1"), ip_address("fd00::1")]))
    assert ranges == ["172.16.0.0-172.16.0.0", "172.16.0.2-172.16.0.3", "172.16.0.4-172.16.0.7"]
    assert list(peers_of(turn(peers=["172.16.0.1"]), [ip_address("172.16.0.1")])) == []


def test_what_we_are_seen_as_is_ours_too() -> None:
    assert {ip_address("203.0.113.45"), ip_address("192.168.1.10")} <= own_addresses(Turn(), ONE)
