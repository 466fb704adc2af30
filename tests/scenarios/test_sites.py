"""Each place an edge may stand in, with the example configuration word for word: registration, calls, a web request."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.sites import SITES, Site
from lab.switchboard import Switchboard
from lab.topologies import EDGE_PUBLIC
from lab.webpbx import WebPbx
from tests.engine.office import HQ_TONE_HZ, hears

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PHONE_HZ = 440


@dataclass(frozen=True, slots=True)
class Place:
    """A site with everything in it, running."""

    site: Site
    net: Net
    edge: Edge
    pbx: Switchboard
    web: WebPbx

    def phone(self, host: str) -> Phone:
        """A strict phone there, whose user is called like its host."""
        return Phone(Line(host, "example.com", self.way(host), self.net.host(host).ipv4()), self.net.maker(host))

    def way(self, host: str) -> Hop:
        """How a phone there reaches the edge."""
        return Hop("udp", self.site.reach[host], 5060)

    def fetch(self, host: str, address: str, path: str) -> str:
        """Status and body of a page over HTTPS, as curl has it there."""
        url = f"https://hq.example.com{path}"
        words = ["curl", "-sk", "--max-time", "8", "-w", "%{http_code}", "--resolve", f"hq.example.com:443:{address}"]
        return self.net.run(host, [*words, url]).out


@pytest.fixture(params=SITES.values(), ids=lambda site: str(site.name))
def place(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Place]:
    site: Site = request.param
    folder = folders()
    with ExitStack() as stack:
        net = stack.enter_context(Net(site.topology))
        for host, rules in site.filters.items():
            assert net.run(host, ["nft", "-f", "-"], stdin=rules).code == 0
        address = net.host(site.pbx).ipv4()
        listen = [Hop("udp", address, site.sip_port)]
        pbx = stack.enter_context(Switchboard(net, site.pbx, folder, tone_hz=HQ_TONE_HZ, listen=listen))
        web = stack.enter_context(WebPbx(net.maker(site.pbx), "hq", address, site.web_port))
        if site.name == "several-addresses":
            stack.enter_context(WebPbx(net.maker("edge"), "neighbour", EDGE_PUBLIC, 80))
        edge = Edge(net, folder, {})
        edge.write((EXAMPLES / f"{site.name}.yaml").read_text(encoding="utf-8"))
        stack.enter_context(edge)
        if site.name == "on-the-router":
            done = edge.command("firewall", str(edge.file), "--apply", "nftables")
            assert done.code == 0, done.out + done.err
        yield Place(site, net, edge, pbx, web)


async def talks(place: Place, host: str) -> None:
    """A phone registers, calls the PBX, and is called by it; each time both hear each other, through the edge alone."""
    async with place.phone(host) as phone:
        assert (await phone.register()).code == 200
        call = await phone.dial("600")
        await hears(call, HQ_TONE_HZ)
        await call.bye()
        heard = await asyncio.to_thread(place.pbx.heard, host)
        assert (heard.tone_hz, heard.loss_percent < 5) == (PHONE_HZ, True)
        place.pbx.command(call=host, talk_s=2.5)
        called = await asyncio.wait_for(phone.incoming.get(), 10)
        await hears(called, HQ_TONE_HZ)
        await asyncio.wait_for(called.ended.wait(), 10)
        again = await asyncio.to_thread(place.pbx.heard, host, 5, 1)
        assert again.tone_hz == PHONE_HZ
        # Audio came from the address that this phone was told, and from no other.
        assert {source for one in phone.calls for source in one.voice.stream.sources} == {place.site.reach[host]}


async def everybody_talks(place: Place) -> None:
    await asyncio.gather(*(talks(place, host) for host in place.site.reach))


def test_a_place_for_an_edge(place: Place) -> None:
    """Registration, calls in both directions and a web request from each side; then what is special about the place."""
    asyncio.run(everybody_talks(place))
    for host, address in place.site.reach.items():
        assert place.fetch(host, address, f"/provisioning/{host}").endswith("200")
        assert place.fetch(host, address, "/admin/").endswith("403")
    assert {seen.target for seen in place.web.seen} == {f"/provisioning/{host}" for host in place.site.reach}
    assert [line for line in place.edge.text().splitlines() if " ERROR " in line] == []
    if special := SPECIAL.get(place.site.name):
        special(place)


def connects(place: Place, source: str, address: str, port: int) -> bool:
    """Whether a TCP connection comes about."""
    with place.net.socket(source, kind=socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        return sock.connect_ex((address, port)) == 0


def the_pbx_is_for_the_edge_alone(place: Place) -> None:
    assert not connects(place, "stranger", "203.0.113.20", 80)


def the_inner_firewall_lets_the_edge_alone_in(place: Place) -> None:
    pbx = place.net.host("pbx-hq").ipv4()
    assert connects(place, "edge", pbx, 80)
    assert not connects(place, "outer", pbx, 80)


def nobody_needs_a_hairpin(place: Place) -> None:
    assert place.net.hairpin_blocked() == 0


def the_router_still_routes(place: Place) -> None:
    with WebPbx(place.net.maker("stranger"), "elsewhere", "203.0.113.99", 80) as elsewhere:
        assert '"elsewhere"' in place.net.run("phone-lan", ["curl", "-s", "http://203.0.113.99/"]).out
        assert len(elsewhere.seen) == 1
    # What is not served stays shut: the guard of a router is its packet filter.
    assert not connects(place, "stranger", EDGE_PUBLIC, 22)


def the_other_address_is_left_alone(place: Place) -> None:
    assert '"neighbour"' in place.net.run("stranger", ["curl", "-s", f"http://{EDGE_PUBLIC}/"]).out
    assert not connects(place, "stranger", EDGE_PUBLIC, 5060)


SPECIAL: dict[str, Callable[[Place], None]] = {
    "public-address": the_pbx_is_for_the_edge_alone,
    "behind-nat": nobody_needs_a_hairpin,
    "flat-dmz": the_inner_firewall_lets_the_edge_alone_in,
    "segmented-dmz": the_inner_firewall_lets_the_edge_alone_in,
    "on-the-router": the_router_still_routes,
    "several-addresses": the_other_address_is_left_alone,
    "on-the-pbx": nobody_needs_a_hairpin,
}
