"""How many calls, and how fast: the arithmetic of limits. Pure; time is an argument.

A *subject* is who is limited: `pbx:NAME`, `trunk:NAME`, `class:PBX/CLASS`, or `from:ADDRESS` for a requester. In
shared memory stand how many concurrent calls it has, and where new ones are limited the time in milliseconds at which
its bucket is full again (GCRA, the virtual scheduling algorithm of ITU-T I.371 annex A: a token bucket in one number).
A running call stands there as text: see `Place`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Subjects that are no limits: the node that a call was given to, by its URI, and the one it came from, by its address.
SEAT: Final = "seat:"
SENDER: Final = "sender:"
#: Call-ID and tag together; phones send less than a hundred characters.
LONGEST_KEY: Final = 512


class Limit(NamedTuple):
    """What a subject may have: `calls` at once and `rate` new ones a second, bursts of as many; 0 is no limit."""

    calls: int
    rate: int = 0


class Place(NamedTuple):
    """One call that holds places: CSeq of its INVITE, when it was answered (epoch seconds, 0 not yet), whose places.

    `number` is whom it leads to where that is watched, else `-`.
    """

    cseq: int
    since_s: int
    subjects: tuple[str, ...]
    number: str = "-"

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of one kind of subject: `pbx`, `class`."""
        return tuple(subject.partition(":")[2] for subject in self.subjects if subject.startswith(f"{kind}:"))

    def seated(self, subject: str) -> Place:
        """The same call at another node, which is a `SEAT`."""
        return self._replace(subjects=(*(held for held in self.subjects if not held.startswith(SEAT)), subject))

    def text(self) -> str:
        """As it stands in shared memory."""
        return text_of(self.cseq, self.number, self.subjects, self.since_s)


def text_of(cseq: int, number: str, subjects: Iterable[str], since_s: int = 0) -> str:
    """A `Place` as text."""
    return f"{cseq} {since_s} {number} {' '.join(subjects)}"


def key_of(call_id: str, from_tag: str) -> str:
    """Under which a call's places are kept. The tag of the caller keeps calls apart that share a Call-ID."""
    return f"{call_id}|{from_tag}"


def call_id_of(key: str) -> str:
    """The Call-ID in what `key_of` gave."""
    return key.rpartition("|")[0]


def is_answered(text: str) -> bool:
    """Whether a place's text is that of an answered call."""
    return text.split(" ", 2)[1] != "0"


def place_of(text: str) -> Place:
    """The call that `text` describes. Raises ValueError when it describes none."""
    cseq, since, number, *subjects = text.split(" ")
    return Place(int(cseq), int(since), tuple(subjects), number)


def answered_at(text: str, now_s: int) -> str:
    """`text` of a call that is answered now; empty when it was before."""
    cseq, since, rest = text.split(" ", 2)
    return f"{cseq} {now_s} {rest}" if since == "0" else ""


def full_at(tat_ms: float, rate: int, now_ms: float) -> float:
    """When a bucket for `rate` new calls a second, full at `tat_ms`, is full again after one more; 0: it is empty."""
    interval = 1000 / rate
    tat = max(tat_ms, now_ms)
    # Half a millisecond of grace: the clock has whole ones, and the interval of 3 a second is none.
    return 0 if tat - now_ms > 1000 - interval + min(0.5, interval / 2) else tat + interval


def requester(address: str) -> str:
    """The subject of a source address: an IPv6 host owns its /64."""
    if ":" in address:
        return f"from:{ipaddress.ip_network((address, 64), strict=False).network_address}/64"
    return f"from:{address}"


def corrections(counted: Mapping[str, int], found: Mapping[str, int], before: dict[str, int]) -> dict[str, int]:
    """Subject -> what its counter must change by, from what it says and from the calls that are there.

    A call in the middle of its start or end makes the two differ for a moment: only what differed in the same
    direction the time before counts, by the lesser of the two. `before` is that memory, and is brought up to date.
    """
    now = {
        subject: difference
        for subject in {*counted, *found}
        if (difference := found.get(subject, 0) - counted.get(subject, 0))
    }
    right = {
        subject: min(difference, before[subject], key=abs)
        for subject, difference in now.items()
        if before.get(subject, 0) * difference > 0
    }
    before.clear()
    before.update({subject: difference - right.get(subject, 0) for subject, difference in now.items()})
    return right
