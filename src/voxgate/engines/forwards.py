"""Port forwards: which ports of the edge lead where. Pure; the kernel carries them out."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from voxgate.config.forwardcheck import target_of
from voxgate.wire.nft_forwards import PortForward

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network


def forwards_of(config: Config, network: Network) -> tuple[PortForward, ...]:
    """All of them, in the order of the file. One leads from the edge's addresses of its target's IP version."""
    found = []
    for name, pbx in config.pbxs.items():
        for forward in pbx.forwards:
            target = target_of(forward, pbx)
            ours = dict.fromkeys(side.local for side in network.sides if side.local.version == target.version)
            for proto, span in forward.spans():
                found.append(
                    PortForward(
                        pbx=str(name),
                        proto=proto,
                        first=span.first,
                        last=span.last,
                        entries=tuple(ip_address(one) for one in ours),
                        target=target,
                        to=forward.to or span.first,
                        allowed=tuple(one for one in forward.allow_from if one.version == target.version),
                        closed=bool(forward.allow_from),
                        keep_source=forward.keep_source,
                        note=forward.note,
                    )
                )
    return tuple(found)
