"""Places of calls in shared memory: taken when a call begins, given back once, counted over all workers.

The truth is the table `places`: one entry for each call that holds places, under Call-ID and caller's tag, gone when
the call is, or by itself after its lifetime. The table `used` is what makes a look fast: a counter for each subject,
changed under its lock together with the entry. `sweep` compares the two, so that whatever was lost heals.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from voxgate_sip.limits import (
    LONGEST_KEY,
    SEAT,
    Limit,
    Place,
    Used,
    answered_at,
    call_id_of,
    claim,
    corrections,
    give_back,
    place_of,
    used_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate_sip.ksr import Ksr

#: A call that is not answered by then is over, whatever became of it: three times tm's `fr_inv_timer`.
RINGING_S: Final = 600
#: An answered call is forgotten after a day, as its record is (`media.RECORD_LIFETIME_S`).
ANSWERED_S: Final = 86400
#: A subject without calls is remembered for as long as its bucket may take to fill.
IDLE_S: Final = 5
_KEY: Final = "$shtitkey(sweep)"
_VALUE: Final = "$shtitval(sweep)"


class Places:
    """Takes and gives back; `now_ms` is one clock for all processes of the machine."""

    def __init__(self, ksr: Ksr, now_ms: Callable[[], int]) -> None:
        self._htable = ksr.htable
        self._pv_get = ksr.pv.get
        self._now_ms = now_ms
        self._differed: dict[str, int] = {}

    def of(self, key: str) -> Place | None:
        """The call under `key`, if it holds places."""
        text = self._htable.sht_get("places", key)
        return place_of(text) if isinstance(text, str) else None

    def take(self, key: str, cseq: int, wants: Mapping[str, Limit], number: str = "-") -> tuple[str, str]:
        """A place of each subject, or of none: then (subject, reason) says why; otherwise two empty texts."""
        if len(key) > LONGEST_KEY:
            return "", "call-id-too-long"
        held = self.of(key)
        if held:
            # The same request on its second way through us; any other would be a call that is not counted.
            return ("", "") if held.cseq == cseq else ("", "call-id-in-use")
        taken: list[str] = []
        for subject, limit in wants.items():
            reason = self._claim(subject, limit)
            if reason:
                for former in taken:
                    self._change(former, give_back)
                return subject, reason
            taken.append(subject)
        self._htable.sht_setxs("places", key, Place(cseq, 0, tuple(wants), number).text(), RINGING_S)
        return "", ""

    def used(self, subject: str) -> int:
        """Calls that a subject has."""
        return used_of(self._htable.sht_get("used", subject)).calls

    def seat(self, key: str, subject: str) -> None:
        """The call under `key`, which is not answered yet, counts for this node and no more for the one before."""
        self._htable.sht_lock("places", key)
        try:
            held = self.of(key)
            if held is None or subject in held.subjects:
                return
            self._htable.sht_setxs("places", key, held.seated(subject).text(), RINGING_S)
        finally:
            self._htable.sht_unlock("places", key)
        self._change(subject, lambda used: Used(used.calls + 1, used.tat_ms))
        for former in held.subjects:
            if former.startswith(SEAT):
                self._change(former, give_back)

    def answered(self, key: str, now_s: int) -> None:
        """The call was answered. Its 200 may come more than once."""
        text = self._htable.sht_get("places", key)
        if isinstance(text, str) and (since := answered_at(text, now_s)):
            self._htable.sht_setxs("places", key, since, ANSWERED_S)

    def free(self, key: str) -> Place | None:
        """The call is over: what it held, once; None when it holds nothing (any more)."""
        held = self.of(key)
        if held is None:
            return None
        # BYEs of both parties may meet here: who comes first under this lock has it.
        self._htable.sht_lock("places", key)
        try:
            mine = self._htable.sht_get("places", key) is not None
            self._htable.sht_rm("places", key)
        finally:
            self._htable.sht_unlock("places", key)
        if not mine:
            return None
        for subject in held.subjects:
            self._change(subject, give_back)
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
            self._change(subject, lambda used, by=by: Used(max(0, used.calls + by), used.tat_ms))  # type: ignore[misc]
        return calls

    def _counted(self) -> dict[str, int]:
        return {subject: used_of(text).calls for subject, text in self.table("used")}

    def _claim(self, subject: str, limit: Limit) -> str:
        htable = self._htable
        htable.sht_lock("used", subject)
        try:
            used = claim(used_of(htable.sht_get("used", subject)), limit, self._now_ms())
            if isinstance(used, str):
                return used
            htable.sht_setxs("used", subject, used.text(), ANSWERED_S)
        finally:
            htable.sht_unlock("used", subject)
        return ""

    def _change(self, subject: str, change: Callable[[Used], Used]) -> None:
        htable = self._htable
        htable.sht_lock("used", subject)
        try:
            used = change(used_of(htable.sht_get("used", subject)))
            htable.sht_setxs("used", subject, used.text(), ANSWERED_S if used.calls else IDLE_S)
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
