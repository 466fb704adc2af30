"""What the edge itself must reach, for firewalls between it and the PBXs or the internet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from voxgate.config.crosscheck import ports_of
from voxgate.config.network import Side
from voxgate.config.trunknames import hops_of
from voxgate.firewall.opening import Address, Opening, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.network import Network
    from voxgate.config.pbxs import Pbx
    from voxgate.plan.desired import Desired

#: A PBX or provider takes audio on ports of its own choice.
_ANY_MEDIA: Final = (1024, 65535)
_MEDIA: Final = "audio and video (RTP)"
_INSIDE: Final = (Side.INSIDE4, Side.INSIDE6)
_TARGETS: Final = (("http", "HTTP"), ("ldap", "LDAP"), ("h323", "H.323"))


@dataclass(frozen=True, slots=True)
class _Party:
    """Whom the edge reaches, where, and from which of its sides."""

    network: Network
    addresses: tuple[Address, ...]
    pbx: str = ""

    def opening(self, proto: str, ports: tuple[int, int], purpose: str, key: str) -> Opening:
        versions = {address.version for address in self.addresses}
        sides = [one for one in self.network.sides if (one.side in _INSIDE) == bool(self.pbx)]
        ours = dict.fromkeys(side.local for side in sides if side.local.version in versions)
        to = tuple(dict.fromkeys(self.addresses))
        return Opening(Way.OUT, proto, ports, to, purpose, key, tuple(map(ip_network, ours)), pbx=self.pbx)


def outwards(desired: Desired) -> Iterator[Opening]:
    """From the edge to each PBX, and to each provider whose addresses are known."""
    for name, pbx in desired.config.pbxs.items():
        yield from _to_pbx(str(name), pbx, desired.network)
    for name, trunk in desired.config.trunks.items():
        provider, key = _Party(desired.network, tuple(hops_of(trunk))), f"trunks.{name}"
        if provider.addresses:
            yield from (provider.opening(proto, (1, 65535), f"SIP to provider {name}", key) for proto in ("udp", "tcp"))
            yield provider.opening("udp", _ANY_MEDIA, _MEDIA, key)


def _to_pbx(name: str, pbx: Pbx, network: Network) -> Iterator[Opening]:
    nodes = _Party(network, tuple(node.address for node in pbx.nodes), name)
    for transport, port in ports_of(pbx.sip):
        proto = "udp" if transport == "udp" else "tcp"
        yield nodes.opening(proto, (port, port), f"SIP over {transport.upper()}", f"pbxs.{name}.sip")
    yield nodes.opening("udp", _ANY_MEDIA, _MEDIA, f"pbxs.{name}")
    for key, title in _TARGETS:
        target = getattr(pbx, key)
        if target is None:
            continue
        there = _Party(network, tuple(node.address for node in target.nodes), name) if target.nodes else nodes
        for port, words in ((target.plain, title), (target.tls, f"{title} over TLS")):
            if port:
                yield there.opening("tcp", (port, port), words, f"pbxs.{name}.{key}")
