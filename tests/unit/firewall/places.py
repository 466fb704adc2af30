"""What tests of openings share: everything that the real engines open, for a configuration on paper."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.unit.engines.networks import ONE, PLACES, config, kamailio
from voxgate.engines.coturn import coturns
from voxgate.engines.haproxy.engine import Haproxy
from voxgate.engines.haproxy.engine import served as web_served
from voxgate.engines.rtpengine import Rtpengine
from voxgate.plan.desired import Desired, desire

if TYPE_CHECKING:
    from typing import Any

    from voxgate.config.network import Network

_KEY = "0123456789abcdef0123456789abcdef"
_KAMAILIO = replace(kamailio(), websocket_key=_KEY)


def paper(network: Network = ONE, pbxs: dict[str, Any] | None = None, **sections: object) -> Desired:
    """A configuration with all its engines."""
    made = config(pbxs, **sections)
    pair = _KAMAILIO.certificate
    front = (Haproxy(pair, _KEY),) if web_served(made) else ()
    return desire(made, network, (Rtpengine(), _KAMAILIO, *front, *coturns(made.turn, pair, "key")), PLACES, 1)
