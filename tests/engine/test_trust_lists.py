"""Trust lists change live: whose client certificates count, and whose certificates of PBXs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lab import tls
from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.switchboard import Switchboard
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, Config, config, folder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = MARKS


def test_a_pbx_whose_authority_is_trusted_is_called_over_tls_and_another_is_not() -> None:
    with folder() as place, Net(BEHIND_NAT) as net:
        mine, other = tls.authority("Mine"), tls.authority("Other")
        pbx = mine.issue(place, HQ, stem="pbx")
        lists = {"mine": written(place, "mine", mine), "other": written(place, "other", other)}
        options = ("--cert", str(pbx.certificate), "--key", str(pbx.key))

        def switchboard() -> Switchboard:
            listen = (Hop("tls", HQ, 5061),)
            return Switchboard(net, "pbx-hq-a", place, tone_hz=HQ_TONE_HZ, listen=listen, options=options)

        with Edge(net, place, trusting(lists["mine"])) as edge:
            with switchboard():
                edge.wait_for_node(HQ, "up")
                before = [(engine["pid"], engine["restarts"]) for engine in edge.status()["engines"]]
                assert asyncio.run(code(net)) == 200
                applied = edge.apply(trusting(lists["other"]))
                assert applied.code == 0, applied.out
            # A connection that stands is trusted as long as it stands; the next one is not.
            with switchboard():
                edge.wait_for_node(HQ, "down")
                assert asyncio.run(code(net)) >= 480
                assert edge.apply(trusting(lists["mine"])).code == 0
                edge.wait_for_node(HQ, "up")
                assert asyncio.run(code(net)) == 200
            assert [(engine["pid"], engine["restarts"]) for engine in edge.status()["engines"]] == before


def written(place: Path, name: str, authority: tls.Authority) -> Path:
    made = place / name
    made.mkdir()
    return authority.issue(made, "unused.example.com").ca


def trusting(authorities: Path) -> Config:
    made = config(certificates={"pbxs_ca": str(authorities)})
    made["pbxs"]["hq"]["sip"] = {"tls": 5061}
    return made


async def code(net: Net) -> int:
    line = Line("alice", "example.com", Hop("udp", EDGE_PUBLIC, 5060), "10.0.0.50", port=5060)
    async with Phone(line, net.maker("phone-home")) as phone:
        return (await phone.register()).code
