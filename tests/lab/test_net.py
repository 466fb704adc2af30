"""The lab's networks: NATs behave as named, topologies come up and vanish, runs do not disturb each other."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import namespaces
from lab.__main__ import NETWORKS
from lab.net import Net
from lab.procs import LabError
from lab.topologies import BEHIND_NAT, DMZ
from lab.topology import Host, Interface, NatKind, Route, Router, Topology
from lab.wiring import build, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def test_a_topology_refuses_unknown_segments_and_double_names() -> None:
    host = Host("a", (Interface("eth0", "lan", ("10.0.0.1/24",)),))
    with pytest.raises(ValueError, match="no segment 'lan'"):
        Topology("t", "", ("net",), (host,))
    with pytest.raises(ValueError, match="twice"):
        Topology("t", "", ("lan",), (host, host))


@pytest.mark.parametrize("topology", NETWORKS.values(), ids=lambda t: t.name)
def test_names_fit_the_kernel(topology: Topology) -> None:
    assert all(len(i.name) <= 15 for h in topology.hosts for i in h.interfaces)
    assert all(len(segment) <= 15 for segment in topology.segments)
    assert all("-n" in c.argv or "netns" in c.argv for c in build(topology, "vg00000000"))


def test_both_topologies_have_the_same_phones_and_pbxs() -> None:
    router = {"router"}
    assert {h.name for h in BEHIND_NAT.hosts} - router == {h.name for h in DMZ.hosts}


def test_pbxs_of_the_dmz_have_no_way_out() -> None:
    assert not [h.routes for h in DMZ.hosts if h.name.startswith("pbx-") and h.routes]


def test_only_a_symmetric_nat_draws_ports_at_random() -> None:
    assert "fully-random" in ruleset(Router("lan", "wan", NatKind.SYMMETRIC))
    assert "fully-random" not in ruleset(Router("lan", "wan", NatKind.PORT_RESTRICTED))


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with Net(BEHIND_NAT) as made:
        yield made


def bound(net: Net, host: str, place: tuple[str, int]) -> socket.socket:
    sock = net.socket(host)
    sock.bind(place)
    sock.settimeout(1)
    return sock


def reaches(net: Net, host: str, to: str, address: str) -> bool:
    """Does a datagram from ``host`` arrive at ``address`` of ``to``?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with net.socket(to, family) as server, net.socket(host, family) as client:
        server.bind((address, 7300))
        server.settimeout(0.5)
        try:
            client.sendto(b"x", (address, 7300))
            return server.recv(9) == b"x"
        except OSError:
            return False


def mapped(phone: socket.socket, seen_by: socket.socket) -> tuple[str, int]:
    """The address a server sees a phone's packets come from."""
    phone.sendto(b"hello", seen_by.getsockname())
    address: tuple[str, int] = seen_by.recvfrom(99)[1]
    return address


@pytest.mark.engine
def test_the_port_restricted_nat_keeps_one_port_for_all_and_filters(net: Net) -> None:
    with (
        bound(net, "phone-home", ("10.0.0.50", 4000)) as phone,
        bound(net, "stranger", ("203.0.113.99", 7000)) as one,
        bound(net, "provider", ("203.0.113.60", 7000)) as two,
        bound(net, "provider", ("203.0.113.60", 7001)) as other_port,
    ):
        place = mapped(phone, one)
        other_port.sendto(b"too early", place)
        assert place == ("203.0.113.77", 4000)
        assert mapped(phone, two) == place
        two.sendto(b"answer", place)
        assert phone.recv(99) == b"answer"
        other_port.sendto(b"nobody asked", place)
        with pytest.raises(TimeoutError):
            phone.recv(99)
        assert mapped(phone, other_port) == place


@pytest.mark.engine
def test_the_symmetric_nat_draws_a_port_for_each_destination_and_filters(net: Net) -> None:
    with (
        bound(net, "phone-hotel", ("10.0.1.50", 4000)) as phone,
        bound(net, "stranger", ("203.0.113.99", 7100)) as one,
        bound(net, "provider", ("203.0.113.60", 7100)) as two,
    ):
        first, second = mapped(phone, one), mapped(phone, two)
        assert first[0] == second[0] == "203.0.113.88"
        assert len({first[1], second[1], 4000}) == 3
        assert mapped(phone, one) == first
        two.sendto(b"to the other one's port", first)
        with pytest.raises(TimeoutError):
            phone.recv(99)
        two.sendto(b"answer", second)
        assert phone.recv(99) == b"answer"


@pytest.mark.engine
@pytest.mark.parametrize("port", [5060, 10000, 20000])
def test_the_router_forwards_sip_and_media_to_the_edge(net: Net, port: int) -> None:
    with (
        bound(net, "edge", ("192.168.1.10", port)) as edge,
        bound(net, "phone-home", ("10.0.0.50", 4100)) as phone,
    ):
        phone.sendto(b"in", ("203.0.113.45", port))
        data, source = edge.recvfrom(99)
        edge.sendto(b"out", source)
        assert (data, source[0]) == (b"in", "203.0.113.77")
        assert phone.recvfrom(99) == (b"out", ("203.0.113.45", port))


@pytest.mark.engine
def test_the_router_forwards_nothing_else(net: Net) -> None:
    with bound(net, "edge", ("192.168.1.10", 9999)) as edge, bound(net, "stranger", ("203.0.113.99", 0)) as one:
        one.sendto(b"x", ("203.0.113.45", 9999))
        one.sendto(b"x", ("203.0.113.45", 20001))
        with pytest.raises(TimeoutError):
            edge.recv(99)


@pytest.mark.engine
def test_there_is_no_hairpin_and_attempts_are_counted(net: Net) -> None:
    before = net.hairpin_blocked()
    with bound(net, "edge", ("192.168.1.10", 5060)) as edge, bound(net, "phone-lan", ("192.168.1.50", 0)) as phone:
        phone.sendto(b"x", ("203.0.113.45", 5060))
        with pytest.raises(TimeoutError):
            edge.recv(99)
    assert net.hairpin_blocked() == before + 1


@pytest.mark.engine
def test_ipv6_reaches_the_edge_and_its_tcp_port(net: Net) -> None:
    with (
        net.socket("edge", socket.AF_INET6, socket.SOCK_STREAM) as edge,
        net.socket("phone-six", socket.AF_INET6, socket.SOCK_STREAM) as phone,
    ):
        edge.bind(("2001:db8:1::10", 5060))
        edge.listen()
        phone.settimeout(2)
        phone.connect(("2001:db8:1::10", 5060))
        assert phone.getpeername()[0] == "2001:db8:1::10"


@pytest.mark.engine
def test_the_dmz_edge_talks_to_both_sides_and_does_not_route() -> None:
    with Net(DMZ) as net:
        for host, to, address, reached in (
            ("edge", "pbx-branch", "172.16.8.10", True),
            ("edge", "pbx-hq-a", "fd00:172::10", True),
            ("pbx-hq-a", "edge", "172.16.0.1", True),
            ("phone-six", "edge", "2001:db8:1::10", True),
            ("phone-home", "edge", "203.0.113.45", True),
            ("phone-hotel", "edge", "203.0.113.45", True),
            ("pbx-hq-a", "edge", "203.0.113.45", False),
            ("stranger", "pbx-hq-a", "172.16.0.10", False),
        ):
            assert reaches(net, host, to, address) is reached, (host, address)


@pytest.mark.engine
def test_two_networks_stand_side_by_side_and_vanish() -> None:
    with Net(BEHIND_NAT) as one, Net(DMZ) as two:
        tags = (one.tag, two.tag)
        assert one.tag != two.tag
        with bound(one, "stranger", ("203.0.113.99", 7200)) as a, bound(two, "stranger", ("203.0.113.99", 7200)) as b:
            with bound(one, "provider", ("203.0.113.60", 0)) as sender:
                sender.sendto(b"x", ("203.0.113.99", 7200))
            assert a.recv(99) == b"x"
            with pytest.raises(TimeoutError):
                b.recv(99)
    assert [namespaces.of_run(tag) for tag in tags] == [[], []]


@pytest.mark.engine
def test_programs_end_with_their_network() -> None:
    with Net(DMZ) as net:
        process = net.spawn("edge", ["sleep", "60"])
        assert process.poll() is None
    assert process.poll() == -signal.SIGTERM


@pytest.mark.engine
def test_a_failure_while_building_leaves_nothing() -> None:
    lost = Host("lost", (Interface("eth0", "a", ("10.0.0.1/24",)),), (Route("default", "10.9.9.9"),))
    net = Net(Topology("broken", "", ("a",), (lost,)))
    with pytest.raises(LabError, match=r"route add default"), net:
        pass
    assert net.tag
    assert namespaces.of_run(net.tag) == []


def _up(sent: signal.Signals) -> tuple[str, int]:
    """Start ``lab up``, wait until it stands, signal it; gives tag and exit code."""
    # Whoever runs the tests in the background has SIGINT ignored, and children inherit that.
    argv = ["env", "--default-signal", sys.executable, "-m", "lab", "up", "dmz"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        end_s = time.monotonic() + 30
        while "Ctrl-C" not in text and time.monotonic() < end_s:
            text += process.stdout.readline()
        process.send_signal(sent)
        try:
            code = process.wait(30)
        finally:
            process.kill()
    found = namespaces.TAG.search(text)
    assert found is not None
    return found[1], code


@pytest.mark.engine
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_remove_the_network(sent: signal.Signals, code: int) -> None:
    tag, got = _up(sent)
    assert (got, namespaces.of_run(tag)) == (code, [])


@pytest.mark.engine
def test_clean_removes_what_a_killed_run_left_and_nothing_alive() -> None:
    with Net(DMZ) as alive:
        tag, code = _up(signal.SIGKILL)
        assert code == -signal.SIGKILL
        assert namespaces.of_run(tag)
        assert tag in namespaces.stale()
        namespaces.clean()
        assert namespaces.of_run(tag) == []
        assert alive.run("edge", ["true"]).code == 0
        assert os.path.lexists(namespaces.OWNERS / alive.tag)
