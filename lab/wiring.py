"""A topology becomes the commands that build it. Pure: the same topology and tag give the same commands.

Everything is made inside namespaces, veth pairs included, so nothing of a run is visible on the machine itself but
the namespaces' names.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from lab.topology import WIRES, Host, NatKind, Router, Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

HAIRPIN_COUNTER = "hairpin_blocked"


@dataclass(frozen=True, slots=True)
class Command:
    """A program call; ``stdin`` is its input. ``may_fail``: its exit code says nothing about the lab."""

    argv: tuple[str, ...]
    stdin: str = ""
    may_fail: bool = False


def namespace(tag: str, host: str) -> str:
    """The namespace name of a host in the run called ``tag``."""
    return f"{tag}-{host}"


def build(topology: Topology, tag: str) -> Iterator[Command]:
    """All commands that make ``topology``, in order."""
    for name in (WIRES, *(host.name for host in topology.hosts)):
        yield from _namespace(namespace(tag, name))
    wires = namespace(tag, WIRES)
    for segment in topology.segments:
        yield _ip(wires, "link", "add", "name", segment, "type", "bridge")
        yield _ip(wires, "link", "set", "dev", segment, "up")
    port = 0
    for host in topology.hosts:
        for interface in host.interfaces:
            port += 1
            yield from _plug(wires, f"p{port}", namespace(tag, host.name), interface.name, interface.segment)
    for host in topology.hosts:
        yield from _configure(namespace(tag, host.name), host)


def _ip(ns: str, *words: str) -> Command:
    return Command(("ip", "-n", ns, *words))


def _sysctl(ns: str, *settings: str, may_fail: bool = False) -> Command:
    return Command(("ip", "netns", "exec", ns, "sysctl", "-qw", *settings), may_fail=may_fail)


def _namespace(ns: str) -> Iterator[Command]:
    yield Command(("ip", "netns", "add", ns))
    yield _ip(ns, "link", "set", "dev", "lo", "up")
    yield _sysctl(ns, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
    # Where br_netfilter is loaded it would run bridged packets through the bridge's IP rules.
    keys = ("net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
    if ns.endswith(f"-{WIRES}"):
        yield _sysctl(ns, *keys, may_fail=True)


def _plug(wires: str, port: str, ns: str, name: str, segment: str) -> Iterator[Command]:
    yield _ip(wires, "link", "add", "name", port, "type", "veth", "peer", "name", name, "netns", ns)
    yield _ip(wires, "link", "set", "dev", port, "master", segment, "up")


def _configure(ns: str, host: Host) -> Iterator[Command]:
    for interface in host.interfaces:
        yield _ip(ns, "link", "set", "dev", interface.name, "up")
        for address in interface.addresses:
            nodad = ("nodad",) if ip_interface(address).version == 6 else ()
            yield _ip(ns, "addr", "add", address, "dev", interface.name, *nodad)
    if host.router is not None:
        yield _sysctl(ns, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        # A router that sends redirects would teach hosts of the flat internet segment short cuts.
        yield _sysctl(ns, "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0")
        yield Command(("ip", "netns", "exec", ns, "nft", "-f", "-"), stdin=ruleset(host.router))
    for route in host.routes:
        yield _ip(ns, "route", "add", route.to, "via", route.via)


@dataclass(frozen=True, slots=True)
class Cone:
    """The rules that let others in through a mapping; none where only who was written to may answer."""

    tables: tuple[str, ...] = ()
    inwards: tuple[str, ...] = ()
    outwards: tuple[str, ...] = ()


def cone(router: Router) -> Cone:
    """Masquerading keeps a port where it is free, so the outside port is the inside one: it leads to its host.

    Chains of type nat see the first packet of each connection, which is enough to remember who wrote to whom.
    """
    mapped = "  map mapped { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 5m; size 4096; }"
    written = "  set written { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 5m; size 4096; }"
    outside, outwards = f'iifname "{router.outside}"', f'oifname "{router.outside}" meta l4proto udp'
    remember = f"    {outwards} update @mapped {{ udp sport : ip saddr }};"
    match router.nat:
        case NatKind.FULL_CONE:
            return Cone((mapped,), (f"    {outside} dnat to udp dport map @mapped;",), (remember,))
        case NatKind.RESTRICTED:
            contact = f"    {outwards} update @written {{ ip daddr . udp sport }};"
            known = f"    {outside} ip saddr . udp dport @written dnat to udp dport map @mapped;"
            return Cone((mapped, written), (known,), (remember, contact))
        case _:
            return Cone()


def ruleset(router: Router) -> str:
    """The nft rules of a router.

    Unasked packets to the router itself are dropped without an answer: an ICMP error, or a conntrack entry left by
    them, would change how the NAT maps the next outgoing packet.
    """
    if router.nat is None:
        return "table inet filter {\n}\n"
    random = " fully-random" if router.nat is NatKind.SYMMETRIC else ""
    outside = f'iifname "{router.outside}"'
    public = f"ip daddr {router.hairpin_blocked} " if router.hairpin_blocked else ""
    dnat = [f"    {outside} {public}{f.proto} dport {f.ports} dnat to {f.to};" for f in router.forwards]
    hairpin = []
    if router.hairpin_blocked:
        drop = f"ip daddr {router.hairpin_blocked} counter name {HAIRPIN_COUNTER} drop;"
        hairpin = [f'    iifname "{router.inside}" {drop}']
    six = [f"    {outside} meta nfproto ipv6 accept;"] if router.ipv6_open else []
    lines = [
        "table ip nat {",
        *cone(router).tables,
        "  chain pre { type nat hook prerouting priority -100;",
        *dnat,
        *cone(router).inwards,
        "  }",
        "  chain post { type nat hook postrouting priority 100;",
        *cone(router).outwards,
        f'    oifname "{router.outside}" masquerade{random};',
        "  }",
        "}",
        "table inet filter {",
        f"  counter {HAIRPIN_COUNTER} {{ }}",
        "  chain input { type filter hook input priority 0;",
        *hairpin,
        "    ct state established,related accept;",
        f"    {outside} meta l4proto {{ tcp, udp }} drop;",
        "  }",
        "  chain forward { type filter hook forward priority 0; policy drop;",
        "    ct state established,related accept;",
        f'    iifname "{router.inside}" accept;',
        f"    {outside} ct status dnat accept;",
        *six,
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"
