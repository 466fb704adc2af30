"""One small policy that has all that decides: two nodes, TLS, a PBX outside, NAT, IPv6."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from voxgate_sip.policy import Node, Pbx, Policy, SideView, sources_of
from voxgate_sip.route import NO_ROUTES, Request

EDGE = "edge.example.com"
PUBLIC, INSIDE, PUBLIC6 = "203.0.113.5", "10.0.0.5", "2001:db8::5"
PHONE, PHONE6, DESK = "198.51.100.77", "2001:db8:77::7", "10.0.9.9"


def node(
    address: str, proto: str = "udp", *, side: str = "i4", port: int = 0, priority: int = 0, weight: int = 1
) -> Node:
    """A node with the URI that the control plane would give it."""
    port = port or (5061 if proto == "tls" else 5060)
    host = f"[{address}]" if ":" in address else address
    return Node(f"sip:{host}:{port};transport={proto}", address, port, proto, side, priority, weight)


def pbx(name: str, plain: tuple[Node, ...] = (), secure: tuple[Node, ...] = (), **rest: Any) -> Pbx:
    """A PBX with the declared defaults of failover."""
    values: dict[str, Any] = {"group": 1, "balance": "priority", "codes": frozenset({503}), "timeout_ms": 2000}
    return Pbx(name=name, plain=plain, secure=secure, **{**values, **rest})


ONE, TWO, TLS = node("10.0.0.1"), node("10.0.0.2", priority=1), node("10.0.0.1", "tls")
OFFICE = pbx("office", (ONE, TWO), (TLS,), group=1, timeout_ms=3000)
VAULT = pbx("vault", (), (node("10.0.0.9", "tls"),), group=2)
SHOP = pbx("shop", (node("198.51.100.7", side="o4"),), group=3)
SIX = pbx("six", (node("fd00::7", "tcp", side="i6"),), group=4)


def policy(**changes: Any) -> Policy:
    """The policy; `changes` are fields of `Policy`."""
    pbxs = changes.pop("pbxs", {entry.name: entry for entry in (OFFICE, VAULT, SHOP, SIX)})
    protos = sources_of(pbxs)
    ports_of = {"udp": 5060, "tcp": 5060, "tls": 5061}
    made = Policy(
        generation=7,
        domain=EDGE,
        own=frozenset({EDGE, PUBLIC, INSIDE, PUBLIC6}),
        served=frozenset({"udp", "tls"}),
        domains={
            "pbx.example.com": "office",
            "vault.example.com": "vault",
            "shop.example": "shop",
            "10.0.0.1": "office",
        },
        pbxs=pbxs,
        sides={
            "i4": SideView(INSIDE, INSIDE, ports_of),
            "o4": SideView(PUBLIC, INSIDE, ports_of),
            "i6": SideView("fd00::5", "fd00::5", ports_of),
            "o6": SideView(PUBLIC6, PUBLIC6, ports_of),
        },
        local=("10.0.0.0/8", "fd00::/8"),
        hide_topology=False,
        media=False,
        shun_s=30,
        pbx_protos=protos,
    )
    return replace(made, **changes)


def from_phone(**changes: Any) -> Request:
    """An INVITE of a phone outside."""
    return Request(
        "INVITE", PHONE, "udp", INSIDE, "pbx.example.com", "200", "pbx.example.com", "100", NO_ROUTES
    )._replace(**changes)


def from_pbx(**changes: Any) -> Request:
    """An INVITE of the first node to a phone it knows by its contact."""
    return from_phone(source="10.0.0.1", ruri_host=PHONE, ruri_user="100")._replace(**changes)
