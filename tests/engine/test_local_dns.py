"""DNS for the local network, served by the edge: phones inside get its private address, all else is from outside."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.edge import Edge
from lab.knot import NameServer
from lab.net import Net
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_INSIDE_SIX, EDGE_PUBLIC
from tests.engine.office import MARKS, folder
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

ZONE = "example.com"
_ASKS = (
    "import sys, dns.exception, dns.resolver\n"
    "server, name, kind, *way = sys.argv[1:]\n"
    "resolver = dns.resolver.Resolver(configure=False)\n"
    "resolver.nameservers, resolver.lifetime = [server], 2\n"
    "try: print(*(one.to_text() for one in resolver.resolve(name, kind, tcp='tcp' in way, search=False)), sep='\\n')\n"
    "except dns.exception.DNSException: pass\n"
)


class Place:
    """An edge between the internet and an inside network, its names in the public DNS, and a phone inside."""

    def __init__(self, stack: ExitStack) -> None:
        self.net = stack.enter_context(Net(DMZ))
        made = stack.enter_context(folder())
        self.names = stack.enter_context(
            NameServer(self.net, "internet", made, {ZONE: (f"edge A {EDGE_PUBLIC}", "www A 192.0.2.80")})
        )
        self.edge = stack.enter_context(Edge(self.net, made, self.config("example.com")))

    def config(self, *names: str) -> dict[str, object]:
        """With these names of the PBX."""
        return {
            "edge": {"domain": "edge.example.com", "interface": "eth0", "inside_interface": "eth1"},
            "listen": {"sip": {"udp": 5060, "tcp": 5060}},
            "pbxs": {"hq": {"names": list(names), "nodes": ["172.16.0.10"]}},
            "dns": {"upstream": self.names.address},
        }

    def asks(self, name: str, kind: str, *words: str, host: str = "pbx-hq-a", server: str = EDGE_INSIDE) -> list[str]:
        """What a resolver gets; nothing where there is none, or nobody answers."""
        return self.net.run(host, [sys.executable, "-c", _ASKS, server, name, kind, *words]).out.splitlines()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack)


@pytest.mark.parametrize("server", [EDGE_INSIDE, EDGE_INSIDE_SIX])
@pytest.mark.parametrize("way", ["udp", "tcp"])
def test_inside_each_view_has_its_answer_over_both_ip_versions(place: Place, server: str, way: str) -> None:
    assert place.asks("edge.example.com", "A", way, server=server) == [EDGE_INSIDE]
    assert place.asks("edge.example.com", "AAAA", way, server=server) == [EDGE_INSIDE_SIX]
    assert place.asks("_sip._udp.example.com", "SRV", way, server=server) == ["10 10 5060 edge.example.com."]
    assert "_sip._tcp.example.com." in " ".join(place.asks("example.com", "NAPTR", way, server=server))
    # What is not the edge's is asked for outside.
    assert place.asks("www.example.com", "A", way, server=server) == ["192.0.2.80"]
    # The public view stays what it was.
    assert place.asks("edge.example.com", "A", host="stranger", server=place.names.address) == [EDGE_PUBLIC]


def test_strangers_get_no_answer_and_the_firewall_is_told_of_the_inside_alone(place: Place) -> None:
    assert place.asks("edge.example.com", "A", host="stranger", server=EDGE_PUBLIC) == []
    with place.net.socket("stranger", socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        assert sock.connect_ex((EDGE_PUBLIC, 53)) != 0
    rows = [line for line in place.edge.command("firewall").out.splitlines() if "DNS for the local network" in line]
    assert rows
    assert not any(EDGE_PUBLIC in row or " any" in row for row in rows), rows


def test_a_new_name_is_answered_at_once_and_a_rollback_takes_it_back(place: Place) -> None:
    done = place.edge.apply(place.config("example.com", "hq.example.com"))
    assert done.code == 0, done.err
    until(lambda: place.asks("hq.example.com", "A") == [EDGE_INSIDE])
    assert place.edge.command("rollback", "--yes").code == 0
    until(lambda: place.asks("hq.example.com", "A") == [])
    assert place.asks("edge.example.com", "A") == [EDGE_INSIDE]


def test_it_runs_without_privileges_comes_back_after_a_crash_and_goes_with_its_section(place: Place) -> None:
    pid = place.edge.engine("dnsmasq")["pid"]
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert facts["Uid"].split()[0] != "0"
    # CAP_NET_BIND_SERVICE alone.
    assert int(facts["CapEff"], 16) == 1 << 10
    os.kill(pid, signal.SIGKILL)
    until(lambda: place.edge.engine("dnsmasq")["serving"] and place.edge.engine("dnsmasq")["pid"] != pid)
    until(lambda: place.asks("edge.example.com", "A") == [EDGE_INSIDE])
    without = place.config("example.com")
    del without["dns"]
    assert place.edge.apply(without, "--yes").code == 0
    assert place.asks("edge.example.com", "A") == []


def test_public_addresses_are_refused(place: Place) -> None:
    made = place.config("example.com") | {"dns": {"listen": EDGE_PUBLIC}}
    done = place.edge.apply(made, "--yes")
    assert (done.code, "private address" in done.err) == (2, True), done
