"""What Kamailio's core says in its log of requesters that its script never sees. Pure: lines in, observations out.

None of it is proven, whatever transport it names: Kamailio quotes packets as they came, with line ends and all, so
that a datagram can bring whole lines of a log that accuse anybody. It is evidence, and never bans.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from voxgate.guard.handshakes import fault
from voxgate.guard.observation import Kind, Observation, ServiceType, requester_of

if TYPE_CHECKING:
    from datetime import datetime

_ADDRESS: Final = rb"(?P<address>[0-9a-fA-F.:\[\]]{2,45}):\d+"
#: No SIP at all: address, port, transport.
_NO_SIP: Final = re.compile(rb"core parsing of SIP message failed \(" + _ADDRESS + rb"/\d\)")
#: A handshake that failed: its reason in one line, its requester in a later one of the same process.
_HANDSHAKE: Final = re.compile(rb"\d+\((?P<process>\d+)\) .*TLS accept:(?P<reason>error:.*)")
_SOURCE: Final = re.compile(rb"\d+\((?P<process>\d+)\) .*src addr: " + _ADDRESS)
#: Processes whose next line is waited for; there are a few dozen.
_MOST_PROCESSES: Final = 256


class SipLines:
    """The log of one Kamailio."""

    def __init__(self) -> None:
        self._failed: OrderedDict[bytes, str] = OrderedDict()

    def feed(self, line: bytes, now: datetime) -> Observation | None:
        """What a line completes."""
        if b"core parsing" in line and (found := _NO_SIP.search(line)):
            return _seen(found["address"], now, Kind.MALFORMED, "no-sip")
        if b"TLS accept:" in line and (found := _HANDSHAKE.search(line)):
            self._failed[found["process"]] = found["reason"].decode("ascii", "replace")
            if len(self._failed) > _MOST_PROCESSES:
                self._failed.popitem(last=False)
        elif b"src addr:" in line and (found := _SOURCE.search(line)):
            reason = self._failed.pop(found["process"], None)
            if reason is not None and (detail := fault(reason)) is not None:
                return _seen(found["address"], now, Kind.BAD_TLS, detail)
        return None


def _seen(address: bytes, now: datetime, kind: Kind, detail: str) -> Observation | None:
    requester = requester_of(address.decode("ascii"))
    return Observation(now, requester, ServiceType.SIP, kind, detail=detail, proven=False) if requester else None
