"""Port forwards with packets: where they lead, who may use them, what is counted, and what ends when."""

from __future__ import annotations

import copy
import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab.edge import Edge
from lab.net import Net
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_INSIDE_SIX, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import MARKS, folder
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

PBX, PBX_SIX, STRANGER, STRANGER_SIX = "172.16.0.10", "fd00:172::10", "203.0.113.99", "2001:db8:1::99"
IAX: dict[str, Any] = {"udp": 4569, "note": "IAX"}
SFTP: dict[str, Any] = {"tcp": 20149, "to": 2222, "note": "SFTP"}
JANUS: dict[str, Any] = {"udp": "40000-40009", "note": "Janus"}
SIX: dict[str, Any] = {"udp": 4570, "node": PBX_SIX}
CLOSED: dict[str, Any] = {"udp": 4571, "allow_from": ["203.0.113.60"]}
KEPT: dict[str, Any] = {"udp": 4572, "keep_source": True}
ALL = [IAX, SFTP, JANUS, SIX, CLOSED, KEPT]
CONFIG: dict[str, Any] = {
    "edge": {"domain": "edge.example.com", "interface": "eth0", "inside_interface": "eth1"},
    "listen": {"sip": {"udp": 5060}},
    "pbxs": {"hq": {"names": ["example.com"], "nodes": [PBX], "forwards": ALL}},
}


def config(*forwards: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(CONFIG)
    made["pbxs"]["hq"]["forwards"] = list(forwards)
    return made


class Place:
    """An edge with forwards, and a PBX that has the ports open."""

    def __init__(self, stack: ExitStack) -> None:
        self.net = stack.enter_context(Net(DMZ))
        self.edge = stack.enter_context(Edge(self.net, stack.enter_context(folder()), CONFIG))
        # The PBX's way back, for the forward that keeps the source.
        self.net.run("pbx-hq-a", ["ip", "route", "add", "203.0.113.0/24", "via", EDGE_INSIDE])
        self.pbx = {
            port: stack.enter_context(self.udp("pbx-hq-a", PBX, port)) for port in (4569, 4571, 4572, 40007, 7777)
        }
        self.pbx[4570] = stack.enter_context(self.udp("pbx-hq-a", PBX_SIX, 4570))
        self.sftp = stack.enter_context(self.net.socket("pbx-hq-a", socket.AF_INET, socket.SOCK_STREAM))
        self.sftp.bind((PBX, 2222))
        self.sftp.listen()
        self.sftp.settimeout(5)

    def udp(self, host: str, address: str, port: int = 0) -> socket.socket:
        """A UDP socket on a host of the lab."""
        made = self.net.socket(host, socket.AF_INET6 if ":" in address else socket.AF_INET)
        made.bind((address, port))
        made.settimeout(1)
        return made

    def passes(self, port: int, *, source: str = "stranger", to: str = EDGE_PUBLIC, arrives: int = 0) -> str:
        """Whether a datagram gets there and its answer back: the source that the PBX saw; empty: it did not."""
        address = {"stranger": STRANGER_SIX if ":" in to else STRANGER, "provider": "203.0.113.60"}[source]
        with self.udp(source, address) as client:
            return exchange(client, (to, port), self.pbx[arrives or port])

    def forwards(self) -> dict[str, dict[str, Any]]:
        """What `voxgate forwards` says, by protocol and port."""
        told = json.loads(self.edge.command("forwards", "--json").out)["forwards"]
        return {f"{one['proto']} {one['first_port']}": one for one in told}

    def apply(self, *forwards: dict[str, Any]) -> None:
        """Without a human word, because nothing is interrupted."""
        brought = self.edge.text().count(" forwards_brought ")
        done = self.edge.apply(config(*forwards))
        assert done.code == 0, done.err
        until(lambda: self.edge.text().count(" forwards_brought ") > brought)


def exchange(client: socket.socket, to: tuple[str, int], pbx: socket.socket) -> str:
    """One datagram there and one back; the source that the PBX saw."""
    client.sendto(b"there", to)
    try:
        data, seen = pbx.recvfrom(100)
        pbx.sendto(b"back", seen)
        return str(seen[0]) if (data, client.recv(100)) == (b"there", b"back") else ""
    except TimeoutError:
        return ""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        made = Place(stack)
        until(lambda: " forwards_brought " in made.edge.text())
        yield made


def test_each_leads_to_its_port_and_shows_the_pbx_the_address_that_was_asked_for(place: Place) -> None:
    assert place.passes(4569) == EDGE_INSIDE
    assert place.passes(40007) == EDGE_INSIDE
    assert place.passes(4570, to=EDGE_PUBLIC_SIX) == EDGE_INSIDE_SIX
    assert place.passes(4572) == STRANGER
    with place.net.socket("stranger", socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(3)
        client.connect((EDGE_PUBLIC, 20149))
        with place.sftp.accept()[0] as pbx:
            pbx.sendall(b"SSH-2.0")
            assert client.recv(100) == b"SSH-2.0"
    seen = place.forwards()
    assert (seen["tcp 20149"]["target"], seen["tcp 20149"]["to_port"]) == (PBX, 2222)
    until(lambda: place.forwards()["udp 4569"]["connections"] >= 1)
    one = place.forwards()["udp 4569"]
    # There and back, each with its headers.
    assert (one["packets"] >= 2, one["octets"] >= 2 * 28, one["note"]) == (True, True, "IAX")


def test_only_allowed_networks_pass_and_nothing_else_passes_through_the_edge(place: Place) -> None:
    assert place.passes(4571, source="provider") == EDGE_INSIDE
    assert place.passes(4571) == ""
    # The edge forwards packets now, but is no router: whoever sends it what is for the inside gets nowhere.
    assert place.net.run("stranger", ["ip", "route", "add", "172.16.0.0/16", "via", EDGE_PUBLIC]).code == 0
    with place.udp("stranger", STRANGER) as client:
        for _ in range(3):
            client.sendto(b"in", (PBX, 7777))
        # What is sent later and arrives shows that the others would have.
        assert exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569]) == EDGE_INSIDE
        place.pbx[7777].settimeout(0.2)
        with pytest.raises(TimeoutError):
            place.pbx[7777].recv(100)
    assert place.net.run("stranger", ["ip", "route", "del", "172.16.0.0/16"]).code == 0


def test_a_ban_holds_for_forwards_too(place: Place) -> None:
    with place.udp("stranger", STRANGER) as client:
        assert exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])
        assert place.edge.command("ban", STRANGER).code == 0
        until(lambda: not exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569]))
        assert place.edge.command("unban", STRANGER).code == 0
        until(lambda: bool(exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])))


def test_a_change_leaves_connections_alone_and_a_removal_ends_them(place: Place) -> None:
    place.apply(SFTP, IAX)
    with place.udp("stranger", STRANGER) as client, ExitStack() as stack:
        assert exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])
        tcp = stack.enter_context(place.net.socket("stranger", socket.AF_INET, socket.SOCK_STREAM))
        tcp.settimeout(3)
        tcp.connect((EDGE_PUBLIC, 20149))
        pbx = stack.enter_context(place.sftp.accept()[0])
        pbx.settimeout(3)
        counted = place.forwards()["udp 4569"]["connections"]
        place.apply(SFTP, IAX, JANUS)
        assert exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])
        tcp.sendall(b"still here")
        assert pbx.recv(100) == b"still here"
        assert place.forwards()["udp 4569"]["connections"] >= counted
        place.apply(SFTP)
        assert not exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])
        # And stays closed after the next change.
        place.apply(SFTP, JANUS)
        assert not exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])
        tcp.sendall(b"and here")
        assert pbx.recv(100) == b"and here"
        place.apply(*ALL)
        assert exchange(client, (EDGE_PUBLIC, 4569), place.pbx[4569])


def test_what_somebody_flushes_comes_back(place: Place) -> None:
    assert place.net.run("edge", ["nft", "delete", "table", "inet", "voxgate_forwards"]).code == 0
    until(lambda: bool(place.passes(4569)))
    # With the fence around it, although the machine forwards already now.
    listed = place.net.run("edge", ["nft", "list", "chain", "inet", "voxgate_forwards", "passing"]).out
    assert [listed.count(f"meta nfproto {family} counter") for family in ("ipv4", "ipv6")] == [1, 1]


def test_a_closed_firewall_with_the_printed_rules_lets_them_through(place: Place) -> None:
    rules = place.edge.command("firewall", str(place.edge.file), "--format", "nftables").out
    closed = "\n".join(
        f"add chain inet filter {hook} {{ type filter hook {hook} priority filter; policy drop; }}"
        for hook in ("input", "forward")
    )
    assert place.net.run("edge", ["nft", "-f", "-"], stdin=f"add table inet filter\n{closed}\n").code == 0
    assert not place.passes(4569)
    assert place.net.run("edge", ["nft", "-f", "-"], stdin=rules).code == 0
    assert place.passes(4569) == EDGE_INSIDE
    assert place.passes(4570, to=EDGE_PUBLIC_SIX) == EDGE_INSIDE_SIX
    assert place.passes(4571, source="provider")
    assert place.net.run("edge", ["nft", "delete", "table", "inet", "filter"]).code == 0


def test_without_forwards_the_edge_passes_nothing_on(place: Place) -> None:
    switch = ["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"]
    # As on a fresh machine.
    for name in ("net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"):
        assert place.net.run("edge", ["sysctl", "-qw", name]).code == 0
    place.apply(SFTP, SIX, IAX)
    assert place.net.run("edge", switch).out.split() == ["1", "1"]
    place.apply(IAX)
    assert place.net.run("edge", switch).out.split() == ["1", "0"]
    place.apply()
    assert place.net.run("edge", switch).out.split() == ["0", "0"]
    assert not place.passes(4569)
    assert place.forwards() == {}
