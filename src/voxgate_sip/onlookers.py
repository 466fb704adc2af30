"""Who must not see which PBX in the answers to requests inside a dialog, and so which callbacks those need."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voxgate_sip.message import unbracketed
from voxgate_sip.ownways import may_see
from voxgate_sip.replies import FROM_HIDDEN, FROM_PBX, FROM_PHONE, SHAPED, TO_HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.route import Router

#: Pairs of PBX and other party that a worker remembers.
MOST_PAIRS: Final = 4096


class Onlookers:
    """Of one policy generation that hides some PBX from somebody."""

    def __init__(self, ksr: Ksr, router: Router, legs: Legs, hider: Hider) -> None:
        self._pv_get = ksr.pv.get
        self._router = router
        self._trunks = router.trunks
        self._pbx_hops = legs.pbx_hops
        self._hider = hider
        self._must_not_see = lru_cache(MOST_PAIRS)(self._asked)

    def answers(self, method: str, source: str, proto: str, hop: str, leg: Leg | None) -> Mapping[str, str]:
        """The callbacks by method for answers to a request from `source` to `hop`; `leg` is a PBX's way out."""
        if leg is None:
            return FROM_HIDDEN if self.cover(method, source, proto, hop) else FROM_PBX
        hidden = hop not in self._pbx_hops and self._hider.hides(source, leg.side, leg.hides)
        return dict.fromkeys((method,), TO_HIDDEN) if hidden else FROM_PHONE

    def cover(self, method: str, source: str, proto: str, hop: str) -> bool:
        """Whether answers to anybody else's request must not show the PBX at `hop`; then it is noted who asks."""
        hidden = self._must_not_see(hop, source)
        if hidden is None and self._trunks:
            told = may_see(self._trunks.at(source), str(self._pv_get("$hdr(Route)") or ""))
            hidden = self._hides(hop, source, told)
        if hidden and method in SHAPED:
            self._hider.asked_by(source, proto)
        return bool(hidden)

    def _asked(self, hop: str, source: str) -> bool | None:
        """Whether a party at `source` must not see the PBX at `hop`; None where its Route tells which trunk it is."""
        found = self._trunks.at(source) if self._trunks else ()
        return None if len(found) > 1 else self._hides(hop, source, found[0].hides if found else None)

    def _hides(self, hop: str, source: str, told: bool | None) -> bool:
        """The same; `told` is what a trunk says of itself, which counts first."""
        return self._hider.hides(unbracketed(hop.partition(" ")[0]), self._router.side_of(source), told)
