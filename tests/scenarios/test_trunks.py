"""Calls from and to providers: recognised by address, led by number, heard on both ends; nobody else gets through."""

from __future__ import annotations

import asyncio
import re
from contextlib import closing
from ipaddress import ip_network
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import BRANCH, Setting, Stage, stage
from lab.demo.stranger import Stranger, first_lines, received
from lab.peers.address import Hop
from lab.peers.agent import Script, perform
from lab.peers.phone import Line, Phone
from lab.topologies import BEHIND_NAT, DMZ, EDGE_INSIDE, EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.scene import Party, Report, check_clean
from tests.scenarios.scene import phone as phone_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.topology import Topology

CARRIER_HZ, PHONE_HZ, BRANCH_HZ, HQ_HZ = 980, 440, 890, (620, 710)
RAW = "raw.example.com"
RAW_PORT = 5080
"""A PBX that is a mere socket of the test."""
CARRIER, CARRIER_PORT = "provider", 5060
REFUSES_PORT, SILENT = 5070, "203.0.113.61"
"""A second carrier on the same host, and one at an address that nobody has."""
OFFICE = ("192.168.0.0/16", "172.16.0.0/12")
_ports = count(5200)
WAITS = Script(hang_up="them", register=False)


def setting(topology: Topology) -> Setting:
    """Trunks of `branch`: one that serves all, one that refuses and one that is not there, both for some numbers."""
    host = topology.host
    here = host(CARRIER).ipv4()

    def more_trunk(**keys: Any) -> dict[str, Any]:
        return {"keepalive": False, "pbxs": ["branch"], "failover": {"timeout_seconds": 1.0}, **keys}

    trunks = {
        "carrier": {
            "addresses": [here],
            "keepalive": False,
            "dids": {
                "05551594XX": "branch",
                "055520.": {"pbx": "gone", "fallback": ["branch"], "timeout_seconds": 1.0},
                "0555209": "raw",
                "055521X": {"pbx": "raw", "fallback": ["branch"], "codes": [503]},
            },
            "numbers": {"e164": {"country": "49"}},
            "pbxs": ["branch", "raw"],
        },
        "refuses": more_trunk(server=here, port=REFUSES_PORT, prefixes=["0700", "0701"]),
        "silent": more_trunk(server=SILENT, prefixes=["0701"], priority=0),
    }
    pbxs = {
        "raw": {"names": [RAW], "nodes": [host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}},
        "gone": {"names": ["gone.example.com"], "nodes": [host("phone-lan").ipv4()], "sip": {"udp": 9}},
        "hq": {"names": ["example.com"], "nodes": [host("pbx-hq-a").ipv4()]},
    }
    to_edge = ("--trunk", f"sip:{EDGE_INSIDE if topology is DMZ else EDGE_LAN}")
    options = {"pbx-branch": ("--answers", r"0555\d+", *to_edge), "pbx-hq-a": to_edge}
    # Not everything answers health checks, so these come rarely.
    more = {"health": {"interval_seconds": 600}, "trunks": trunks}
    return Setting(topology, pbxs=pbxs, more=more, options=options)


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(setting(request.param), folders()) as made:
        yield made


def carrier(office: Stage, port: int = CARRIER_PORT, **setup: Any) -> Phone:
    """A strict provider: never to see an address of the office."""
    here = office.net.host(CARRIER).ipv4()
    line = Line(
        "carrier", EDGE_PUBLIC, Hop("udp", EDGE_PUBLIC, 5060), here, port=port, tone_hz=CARRIER_HZ,
        forbidden=tuple(ip_network(text) for text in OFFICE), **setup,
    )
    return Phone(line, office.net.maker(CARRIER))


def heard(report: Report, tone_hz: int) -> Report:
    (call,) = report["calls"]
    assert call["answered"], report
    assert (call["tone_hz"], call["others_hz"]) == (tone_hz, ())
    assert call["loss_percent"] < 3
    assert set(call["sources"]) == {EDGE_PUBLIC}
    made: Report = call
    return made


@pytest.mark.parametrize("late_offer", [False, True], ids=["offer", "late offer"])
@pytest.mark.parametrize("reinvite", [None, 0.7], ids=["plain", "re-INVITE"])
@pytest.mark.parametrize("number", ["0555159412", "+49555159412"])
def test_a_call_from_the_provider_reaches_the_pbx_of_its_number(
    office: Stage, number: str, reinvite: float | None, *, late_offer: bool
) -> None:
    before = len(office.pbxs["pbx-branch"].events("heard", user="carrier"))

    async def play() -> Report:
        async with carrier(office) as phone:
            return await perform(
                phone,
                Script(call=number, talk_s=1.8, register=False, late_offer=late_offer, reinvite_after_s=reinvite),
            )

    report = asyncio.run(play())
    check_clean(report)
    heard(report, BRANCH_HZ)
    assert office.pbxs["pbx-branch"].events("invite")[-1]["to"] == "0555159412"
    assert office.pbxs["pbx-branch"].heard("carrier", after=before).tone_hz == CARRIER_HZ


def out(office: Stage, number: str, script: Script | None = None, **setup: Any) -> tuple[Report, Report]:
    """A LAN phone has the branch's PBX call `number`: reports of the phone and of the provider."""

    async def play() -> tuple[Report, Report]:
        party = Party("phone-lan", "udp", f"u{next(_ports)}", BRANCH, setup={"tone_hz": PHONE_HZ})
        async with phone_of(office, party) as phone, carrier(office, **setup) as there:
            theirs = asyncio.create_task(perform(there, WAITS))
            ours = await perform(phone, script or Script(call=number, talk_s=1.8))
            if not ours["calls"] or not ours["calls"][0]["answered"]:
                theirs.cancel()
                return ours, {}
            return ours, await theirs

    return asyncio.run(play())


@pytest.mark.parametrize("script", [
    Script(call="0301234", talk_s=1.8),
    Script(call="0301234", talk_s=1.8, late_offer=True),
    Script(call="0301234", talk_s=2.2, reinvite_after_s=0.7),
], ids=["plain", "late offer", "re-INVITE"])
def test_a_call_of_a_pbx_goes_out_through_the_provider(office: Stage, script: Script) -> None:
    ours, theirs = out(office, "0301234", script)
    check_clean(ours)
    check_clean(theirs)
    (call,) = ours["calls"]
    assert call["tone_hz"] == CARRIER_HZ
    heard(theirs, PHONE_HZ)
