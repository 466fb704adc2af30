"""What Kamailio's core says in its log of requesters that its script never sees. Pure: messages in, observations out.

Kamailio quotes packets as they came, with line ends and all, and the names that TLS clients ask for. So it counts only
how a message begins: that much Kamailio wrote itself, and no packet can bring the beginning of another message
(`host.messages`). What came over TCP and TLS is proven; a datagram carries any address its sender likes.

A message that may be the rest of the one before counts only where that one would end in another way: what is quoted
stands between `<` and `>`, or in parentheses.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from voxgate.guard.handshakes import fault
from voxgate.guard.observation import Kind, Observation, ServiceType, requester_of

if TYPE_CHECKING:
    from datetime import datetime

_BEGIN: Final = re.compile(
    rb"(?:\(continued by (?P<writer>\d{1,7})\) )?(?P<said> ?\d{1,3}\((?P<process>\d{1,7})\) ERROR: )", re.DOTALL
)
_ADDRESS: Final = rb"(?P<address>[0-9a-fA-F.:\[\]]{2,41}):\d{1,5}"
#: What stands right before the next one: the packet.
_PACKET: Final = re.compile(rb"<core> \[core/parser/msg_parser\.c:\d+\]: parse_msg\(\): ERROR: parse_msg: message=<")
#: No SIP at all: address, port, transport (ip_addr.h: 1 is UDP, 2 TCP, 3 TLS).
_NO_SIP: Final = re.compile(
    rb"<core> \[core/receive\.c:\d{1,5}\]: receive_msg\(\): core parsing of SIP message failed "
    rb"\(" + _ADDRESS + rb"/(?P<transport>[123])\)"
)
#: A handshake that failed: its reason in one message, its requester in the next one of the same process.
_HANDSHAKE: Final = re.compile(rb"tls \[tls_util\.h:\d+\]: tls_err_ret\(\): TLS accept:(?P<reason>error:[^\r\n(]*)")
_SOURCE: Final = re.compile(rb"tls \[tls_server\.c:\d{1,5}\]: tls_h_read_f\(\): src addr: " + _ADDRESS)
_UDP: Final = b"1"
#: A part that is not the last is not shorter; the two that may follow a quotation are (`host.messages`).
_PART_BYTES: Final = 128
#: Processes whose next message is waited for; there are a few dozen.
_MOST_PROCESSES: Final = 256


class SipLines:
    """The log of one Kamailio."""

    def __init__(self) -> None:
        #: Process -> what its last message was: the reason of a handshake that failed, or empty: a packet.
        self._last: OrderedDict[bytes, str] = OrderedDict()

    def feed(self, message: bytes, now: datetime) -> Observation | None:
        """What a message completes."""
        begun = _BEGIN.match(message)
        if begun is None:
            return None
        writer, process, at = begun["writer"], begun["process"], begun.end()
        last = self._last.pop(writer or process, None)
        if writer is not None and (
            writer != process or last is None or len(message) - begun.start("said") >= _PART_BYTES
        ):
            return None
        if last and (found := _SOURCE.fullmatch(message, at)):
            said = fault(last)
            return _seen(found["address"], now, *said) if said else None
        if (last == "" or writer is None) and (found := _NO_SIP.fullmatch(message, at)):
            return _seen(found["address"], now, Kind.MALFORMED, "no-sip", proven=found["transport"] != _UDP)
        if writer is None:
            self._quotes(message, at, process)
        return None

    def _quotes(self, message: bytes, at: int, process: bytes) -> None:
        """Remember what the next message of the process is about."""
        if found := _HANDSHAKE.match(message, at):
            self._last[process] = found["reason"].decode("ascii", "replace")
        elif _PACKET.match(message, at):
            self._last[process] = ""
        if len(self._last) > _MOST_PROCESSES:
            self._last.popitem(last=False)


def _seen(address: bytes, now: datetime, kind: Kind, detail: str, *, proven: bool = True) -> Observation | None:
    requester = requester_of(address.decode("ascii"))
    return Observation(now, requester, ServiceType.SIP, kind, detail=detail, proven=proven) if requester else None
