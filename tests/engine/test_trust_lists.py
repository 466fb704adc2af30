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


def test_a_phone_is_known_by_its_certificate_as_long_as_its_authority_is_listed() -> None:
    with folder() as place, Net(BEHIND_NAT) as net:
        phones, strangers = tls.authority("Phones"), tls.authority("Strangers")
        server = tls.authority().issue(place, HQ, stem="pbx")
        lists = {"phones": written(place, "phones", phones), "strangers": written(place, "strangers", strangers)}
        own = phones.issue(place, "alice", stem="alice")
        options = ("--cert", str(server.certificate), "--key", str(server.key))
        listen = (Hop("udp", HQ, 5060), Hop("tls", HQ, 5061))

        def listing(authorities: Path) -> Config:
            made = config(certificates={"clients_ca": str(authorities)})
            made["pbxs"]["hq"]["sip"] = {"udp": 5060, "tls": 5061, "check_certificate": True}
            return made

        with (
            Switchboard(net, "pbx-hq-a", place, tone_hz=HQ_TONE_HZ, listen=listen, options=options) as pbx,
            Edge(net, place, listing(lists["phones"])) as edge,
        ):
            before = [(engine["pid"], engine["restarts"]) for engine in edge.status()["engines"]]
            seen = []
            for number, name in enumerate(("phones", "strangers", "phones")):
                assert edge.apply(listing(lists[name])).code == 0
                assert asyncio.run(code(net, (own.certificate, own.key), 5070 + number)) == 200
                seen.append(pbx.wait("registered", user="alice", after=number)["over"])
            assert seen == ["tls", "udp", "tls"]
            assert [(engine["pid"], engine["restarts"]) for engine in edge.status()["engines"]] == before


def written(place: Path, name: str, authority: tls.Authority) -> Path:
    made = place / name
    made.mkdir()
    return authority.issue(made, "unused.example.com").ca


def trusting(authorities: Path) -> Config:
    made = config(certificates={"pbxs_ca": str(authorities)})
    made["pbxs"]["hq"]["sip"] = {"tls": 5061}
    return made


async def code(net: Net, identity: tuple[Path, Path] | None = None, port: int = 5060) -> int:
    """The answer to a REGISTER, over TLS where the phone has a certificate."""
    edge = Hop("tls", EDGE_PUBLIC, 5061) if identity else Hop("udp", EDGE_PUBLIC, 5060)
    line = Line("alice", "example.com", edge, "10.0.0.50", port=port, identity=identity)
    async with Phone(line, net.maker("phone-home")) as phone:
        return (await phone.register()).code
