"""Two accounts at one provider, each with a client certificate of its own. Handshakes at the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.peers.address import Hop
from tests.scenarios.test_trunk_ways import (
    HOST,
    HUB,
    HUB_TRUNK,
    SBC,
    SECOND,
    TLS_PORT,
    Office,
    an_office,
    line,
    provider,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECOND_PORT = 5085


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Office]:
    with an_office(folders()) as made:
        yield made


def test_two_accounts_at_one_provider_show_a_certificate_each_on_a_port_of_the_provider_each(office: Office) -> None:
    pair = {"certificate": str(office.second.certificate), "key": str(office.second.key), "ca": str(office.hub.ca)}
    second = {**HUB_TRUNK, "port": SECOND_PORT, "edge_name": SECOND, "prefixes": "05", "tls": pair}
    ports = {TLS_PORT: SBC, SECOND_PORT: SECOND}
    with provider(office, *(Hop("tls", HOST, port) for port in ports), tls=office.context()) as hub:
        office.apply({"second": line(second)})
        for name, number in (("hub", "03234"), ("second", "05234")):
            office.health(name, "up")
            assert office.dial(number)[1].code == 200
        came = {one.place.port: one for one in hub.asked if one.method == "INVITE"}
        assert {port: one.client for port, one in came.items()} == ports
        assert {one.server_name for one in hub.asked} == {HUB}
        assert {port: shown(one) for port, one in came.items()} == {
            port: {f"{name}:5061"} for port, name in ports.items()
        }
