"""The networks and configurations that the engines are rendered for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from voxgate.certs.authority import establish
from voxgate.config.model import Config
from voxgate.config.network import Network, Side, SideAddress
from voxgate.engines.base import Places
from voxgate.engines.kamailio import Kamailio, Pair
from voxgate.host.clock import SystemClock

PLACES = Places(Path("/run/voxgate"), Path("/var/lib/voxgate"))
SCRIPT = Path(__file__).parents[3] / "src" / "voxgate_sip"


def side(name: str, local: str, shown: str = "") -> SideAddress:
    return SideAddress(Side(name), ip_address(shown or local), ip_address(local))


#: One interface behind a NAT router; the same socket serves both sides.
ONE = Network(
    "edge.example.com",
    (
        side("i4", "192.168.1.10"),
        side("i6", "2001:db8:1::10"),
        side("o4", "192.168.1.10", "203.0.113.45"),
        side("o6", "2001:db8:1::10"),
    ),
    (ip_network("192.168.1.0/24"), ip_network("2001:db8:1::20")),
)
#: Two interfaces.
TWO = Network(
    "edge.example.com",
    (side("i4", "172.16.0.1"), side("i6", "fd00:172::1"), side("o4", "203.0.113.45"), side("o6", "2001:db8:1::10")),
    (ip_network("172.16.0.0/16"), ip_network("fd00:172::/64")),
)
#: IPv4 only, one public address.
PUBLIC = Network("edge.example.com", (side("i4", "203.0.113.45"), side("o4", "203.0.113.45")), ())


def config(pbxs: dict[str, Any] | None = None, **sections: object) -> Config:
    base: dict[str, object] = {
        "edge": {"domain": "edge.example.com"},
        "pbxs": {"hq": {"names": ["example.com"], "nodes": ["192.168.1.20"]}} if pbxs is None else pbxs,
    }
    return Config.model_validate(base | sections)


def pbx(*nodes: object, name: str = "example.com", **keys: object) -> dict[str, object]:
    return {"names": [name], "nodes": list(nodes), **keys}


def kamailio(*, media: bool = True) -> Kamailio:
    script = tuple((path.name, path.read_bytes()) for path in sorted(SCRIPT.glob("*.py")))
    now = SystemClock().wall()
    certificate, key = establish("edge.example.com", now).sign(("edge.example.com",), now)
    return Kamailio(script, Pair(certificate, key), "0123456789abcdef0123456789abcdef", media=media)
