"""HAProxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.daemon.part import Part
from voxgate.supervise.haproxy import HaproxyControl

if TYPE_CHECKING:
    from voxgate.engines.base import Places

NAME = "haproxy"


def web(places: Places) -> Part:
    """HAProxy's part of the edge."""
    control = HaproxyControl(places.engine(NAME))
    return Part(controls={NAME: control}, probes={NAME: control})
