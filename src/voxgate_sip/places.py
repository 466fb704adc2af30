"""Places of calls in shared memory: taken when a call begins, given back once, counted over all workers.

The truth is the table `places`: one entry for each call that holds places, under Call-ID and caller's tag, gone when
the call is, or by itself after its lifetime. The table `used` is what makes a look fast: a counter for each subject.
`sweep` compares the two, so that whatever was lost heals. The table `buckets` tells how fast calls may come.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from voxgate_sip.limits import (
    LONGEST_KEY,
    SEAT,
    Limit,
    Place,
    answered_at,
    call_id_of,
    corrections,
    full_at,
    place_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate_sip.ksr import Ksr

#: A call that is not answered by then is over, whatever became of it: three times tm's `fr_inv_timer`.
RINGING_S: Final = 600
#: An answered call is forgotten after a day, as its record is (`media.RECORD_LIFETIME_S`).
ANSWERED_S: Final = 86400
#: A bucket is remembered for as long as it may take to fill, and longer.
IDLE_S: Final = 5
_KEY: Final = "$shtitkey(sweep)"
_VALUE: Final = "$shtitval(sweep)"


class Places:
    """Takes and gives back; `now_ms` is one clock for all processes of the machine."""

    def __init__(self, ksr: Ksr, now_ms: Callable[[], int]) -> None:
        self._htable = ksr.htable
        self._get, self._set = ksr.htable.sht_get, ksr.htable.sht_setxs
        self._count_up, self._count_down = ksr.htable.sht_inc, ksr.htable.sht_dec
        self._pv_get = ksr.pv.get
        self._now_ms = now_ms
        self._differed: dict[str, int] = {}

    def of(self, key: str) -> Place | None:
        """The call under `key`, if it holds places."""
        text = self._get("places", key)
        return place_of(text) if isinstance(text, str) else None

    def take(self, key: str, cseq: int, wants: Mapping[str, Limit], number: str = "-") -> tuple[str, str]:
        """A place of each subject, or of none: then (subject, reason) says why; otherwise two empty texts."""
        if len(key) > LONGEST_KEY:
            return "", "call-id-too-long"
        text = self._get("places", key)
        if isinstance(text, str):
            # The same request on its second way through us; any other would be a call that is not counted.
            return ("", "") if place_of(text).cseq == cseq else ("", "call-id-in-use")
        taken: list[str] = []
        for subject, limit in wants.items():
            reason = self._claim(subject, limit)
            if reason:
                for former in taken:
                    self._give_back(former)
                return subject, reason
            taken.append(subject)
        self._set("places", key, text_of(cseq, number, wants), RINGING_S)
        return "", ""

    def used(self, subject: str) -> int:
        """Calls that a subject has."""
        return _count(self._get("used", subject))

    def seat(self, key: str, subject: str) -> None:
        """The call under `key`, which is not answered yet, counts for this node and no more for the one before."""
        self._htable.sht_lock("places", key)
        try:
            held = self.of(key)
            if held is None or subject in held.subjects:
                return
            self._set("places", key, held.seated(subject).text(), RINGING_S)
        finally:
            self._htable.sht_unlock("places", key)
        self._count_up("used", subject)
        for former in held.subjects:
            if former.startswith(SEAT):
                self._give_back(former)

    def answered(self, key: str, now_s: int) -> None:
        """The call was answered. Its 200 may come more than once."""
        text = self._get("places", key)
        if isinstance(text, str) and (since := answered_at(text, now_s)):
            self._set("places", key, since, ANSWERED_S)

    def free(self, key: str) -> Place | None:
        """The call is over: what it held, once; None when it holds nothing (any more)."""
        # BYEs of both parties may meet here: who comes first under this lock has it.
        self._htable.sht_lock("places", key)
        try:
            text = self._get("places", key)
            if not isinstance(text, str):
                return None
            self._htable.sht_rm("places", key)
        finally:
            self._htable.sht_unlock("places", key)
        held = place_of(text)
        for subject in held.subjects:
            self._give_back(subject)
        return held

    def sweep(self) -> list[tuple[str, str]]:
        """Put right what counters say; gives every call that holds places, as (key, text)."""
        before, calls, counted = self._counted(), self.table("places"), self._counted()
        found: Counter[str] = Counter()
        for _, text in calls:
            found.update(place_of(text).subjects)
        # Calls began or ended while the entries were read: what these subjects say is for another time.
        moved = {subject for subject in {*before, *counted} if before.get(subject) != counted.get(subject)}
        for subject in moved:
            counted.pop(subject, None)
            found.pop(subject, None)
        for subject, by in corrections(counted, found, self._differed).items():
            self._put_right(subject, by)
        for subject in [subject for subject, calls_now in counted.items() if not calls_now and subject not in found]:
            self._put_right(subject, 0)
        return calls

    def _counted(self) -> dict[str, int]:
        return {subject: _count(text) for subject, text in self.table("used")}

    def _claim(self, subject: str, limit: Limit) -> str:
        calls = self._count_up("used", subject)
        reason = ""
        if limit.calls and calls > limit.calls:
            reason = "calls-limit"
        elif limit.rate and not self._has_token(subject, limit.rate):
            reason = "rate-limit"
        if reason:
            self._give_back(subject)
        return reason

    def _has_token(self, subject: str, rate: int) -> bool:
        """Whether a new call may come now; then it has its token."""
        # Calls come at once to all workers, and each of them would find the last token.
        self._htable.sht_lock("buckets", subject)
        try:
            text = self._get("buckets", subject)
            again = full_at(float(text[1:]) if isinstance(text, str) else 0, rate, self._now_ms())
            if again:
                # A letter in front: the table takes digits for a number of 32 bits.
                self._set("buckets", subject, f"t{again:.3f}", IDLE_S)
        finally:
            self._htable.sht_unlock("buckets", subject)
        return again > 0

    def _give_back(self, subject: str) -> None:
        """One call less. The token of its start stays spent."""
        if self._count_down("used", subject) < 0:
            self._count_up("used", subject)

    def _put_right(self, subject: str, by: int) -> None:
        """Change a counter by more than one call; one of nothing goes away."""
        htable = self._htable
        htable.sht_lock("used", subject)
        try:
            calls = max(0, _count(self._get("used", subject)) + by)
            if calls:
                htable.sht_setxi("used", subject, calls, ANSWERED_S)
            else:
                htable.sht_rm("used", subject)
        finally:
            htable.sht_unlock("used", subject)

    def record(self, key: str) -> str:
        """What is kept of the call under `key` (see `record.py`), if anything."""
        kept = self._htable.sht_get("calls", call_id_of(key))
        return kept if isinstance(kept, str) else ""

    def table(self, name: str) -> list[tuple[str, str]]:
        """Each item of a table. Its parts are locked one after the other, so nothing slow may be done in between."""
        htable = self._htable
        items = []
        htable.sht_iterator_start("sweep", name)
        try:
            while htable.sht_iterator_next("sweep") > 0:
                items.append((str(self._pv_get(_KEY)), str(self._pv_get(_VALUE))))
        finally:
            htable.sht_iterator_end("sweep")
        return items


def _count(value: object) -> int:
    """What a counter says; nothing there is nothing used."""
    return int(value) if isinstance(value, (int, str)) else 0
