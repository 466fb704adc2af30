"""The DNS server for the local network."""

from __future__ import annotations

from voxgate.daemon.part import Part
from voxgate.engines.dnsmasq import NAME
from voxgate.supervise.dnsmasq import DnsControl


def local_dns() -> Part:
    """Its part of the edge."""
    control = DnsControl()
    return Part(controls={NAME: control}, probes={NAME: control}, prepare={NAME: control.prepare})
