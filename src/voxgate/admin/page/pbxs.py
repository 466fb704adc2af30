"""The page of PBXs: what differs from trunks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from voxgate.admin.page import frame, lights
from voxgate.admin.page.fields import Field, Kind
from voxgate.admin.page.things import Sort, router_of
from voxgate.admin.problems import ApiError
from voxgate.config.fields import Srtp
from voxgate.config.pbxs import Balance, Pbx
from voxgate.doctor import asking

if TYPE_CHECKING:
    from voxgate.admin.surroundings import Surroundings
    from voxgate.config.model import Config

FIELDS: Final = (
    Field(("names",), "Names", Kind.LINES, example="example.com"),
    Field(("nodes",), "Nodes", Kind.LINES, item="address", example="192.168.1.20 weight=50 priority=1"),
    Field(("balance",), "Balance", Kind.CHOICE, ("", *Balance)),
    Field(("sip", "udp"), "SIP over UDP", Kind.NUMBER, example="5060"),
    Field(("sip", "tcp"), "SIP over TCP", Kind.NUMBER),
    Field(("sip", "tls"), "SIP over TLS", Kind.NUMBER),
    Field(("srtp",), "Encrypted audio", Kind.CHOICE, ("", *Srtp)),
    Field(("topology_hiding",), "Topology hiding", Kind.CHOICE, ("", "yes", "no")),
    Field(("limits", "calls"), "Calls at once", Kind.NUMBER),
    Field(("limits", "calls_per_second"), "New calls per second", Kind.NUMBER),
)
_MOST_ASKED: Final = 16


def _rows(config: Config) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "cells": [
                ", ".join(map(str, pbx.names[:3])) + (" ..." if len(pbx.names) > 3 else ""),
                ", ".join(str(node.address) for node in pbx.nodes[:4]) + (" ..." if len(pbx.nodes) > 4 else ""),
                " ".join(kind for kind in ("http", "ldap", "h323") if getattr(pbx, kind) is not None) or "-",
            ],
        }
        for name, pbx in config.pbxs.items()
    ]


async def _test(around: Surroundings, name: str) -> list[lights.Light]:
    """Ask each node with OPTIONS, now."""
    pbx = around.config().pbxs.get(name)
    if pbx is None:
        raise ApiError(404, f"no PBX {name} runs", "apply it first")
    domain = str(pbx.names[0]).partition("/")[0]
    asked = [
        asyncio.to_thread(_ask, str(node.address), kind, port, domain)
        for node in pbx.nodes[:_MOST_ASKED]
        for kind, port in (("udp", pbx.sip.udp), ("tcp", pbx.sip.tcp), ("tls", pbx.sip.tls))
        if port is not None
    ]
    return list(await asyncio.gather(*asked))


def _ask(address: str, kind: str, port: int, domain: str) -> lights.Light:
    """TLS is only connected to: whether its certificate is good, the status says."""
    name, where = f"{kind} {address}:{port}", (address, port)
    if kind == "tls":
        wrong = asking.connects(where)
        return lights.Light(name, "bad" if wrong else "good", wrong or "takes connections")
    reply = asking.sip(where, domain, tcp=kind == "tcp")
    if reply is None:
        return lights.Light(name, "bad", "does not answer OPTIONS")
    return lights.Light(name, "good", f"answers {reply.code} to OPTIONS")


PLACE: Final = frame.Place("/pbxs", "PBXs", "Configure")
SORT: Final = Sort("pbxs", "PBX", PLACE, Pbx, FIELDS, ("Names", "Nodes", "Beside SIP"), _rows, lights.pbxs, _test)
router = router_of(SORT)
