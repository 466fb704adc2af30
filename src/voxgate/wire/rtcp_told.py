"""What rtpengine tells of RTCP that passes it: JSON in a packet of HEP, one for each packet of RTCP. Pure.

Source: RFC 3550 section 6.4 for what the fields mean. The text of SDES is a stranger's and not escaped, so that what
comes is no JSON by right: it ends where SDES begins, and fields are found in the one order in which rtpengine writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: An RTCP packet has 31 blocks at most; a party of a call hears one source, or a few.
MOST_BLOCKS: Final = 8
_SDES: Final = b'"sdes_'
_SOURCE: Final = re.compile(rb'"ssrc":(\d{1,10}),"type":20[01],')
_SENT: Final = re.compile(
    rb'"ntp_timestamp_sec":(\d{1,10}),"ntp_timestamp_usec":(\d{1,10}),"octets":\d+,'
    rb'"rtp_timestamp":\d+, ?"packets":(\d{1,10})'
)
_BLOCK: Final = re.compile(
    rb'"source_ssrc":(\d{1,10}),"highest_seq_no":\d+,"fraction_lost":(\d{1,3}),"ia_jitter":(\d{1,10}),'
    rb'"packets_lost":\d+,"lsr":(\d{1,10}),"dlsr":(\d{1,10})'
)


@dataclass(frozen=True, slots=True)
class Block:
    """How a source is received: loss since the last report, jitter in units of its clock, which of its reports came.

    `last_report` is the middle of that report's NTP time, 0 where none came; `delay_s` is how long ago that was.
    """

    source: int
    lost: float
    jitter: int
    last_report: int = 0
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """A report of `source`; `sent`: its packets so far, None in a receiver's report; `ntp`: the middle of its time."""

    source: int
    sent: int | None = None
    ntp: int = 0
    blocks: tuple[Block, ...] = ()


def read(payload: bytes) -> Told | None:
    """The report; None where there is none in it: feedback, BYE, an application's own, or something else."""
    said = payload.partition(_SDES)[0]
    source = _SOURCE.search(said)
    if source is None:
        return None
    sender = _SENT.search(said)
    blocks = tuple(
        Block(int(found[1]), int(found[2]) / 256, int(found[3]), int(found[4]), int(found[5]) / 65_536)
        for _, found in zip(range(MOST_BLOCKS), _BLOCK.finditer(said), strict=False)
    )
    if sender is None:
        return Told(int(source[1]), blocks=blocks)
    middle = (int(sender[1]) & 0xFFFF) << 16 | (int(sender[2]) >> 16) & 0xFFFF
    return Told(int(source[1]), int(sender[3]), middle, blocks)
