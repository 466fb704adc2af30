"""Port forwards: what is configured goes into the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.daemon.part import Part
from voxgate.engines.forwards import forwards_of
from voxgate.supervise.forwards import Forwards, ForwardTable

if TYPE_CHECKING:
    from voxgate.engines.base import Places

SWITCHED_ON: Final = "forwarding"


def forwards(places: Places) -> Part:
    """Their part of the edge. They stay in the kernel when Voxgate ends, so that a restart leaves no gap."""
    kept = Forwards(ForwardTable(places.run / SWITCHED_ON))
    return Part(
        serve=(kept.serve,),
        applied=lambda desired: kept.follow(forwards_of(desired.config, desired.network)),
        panels=lambda _: (kept.panel(),),
    )
