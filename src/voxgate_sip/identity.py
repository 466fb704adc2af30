"""From of what a PBX sends to phones outside: many PBXs write their own address there, where their domain belongs.

Phones outside see the domain instead; the PBX finds its own words in the answers. Requests of the phone inside such a
call carry the domain in To: a dialog is found by its tags (RFC 3261 section 12), not by these URIs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.message import unbracketed

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router

#: From's host in the answer, and in the request as the PBX sent it.
_BOTH: Final = "$_s($fd $T_req($fd))"


class Identity:
    """Names PBXs for one policy generation; false where no PBX hides."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._pv = ksr.pv
        self._domains = {
            node.address: pbx.domain
            for pbx in router.policy.pbxs.values()
            if pbx.hide_topology and pbx.domain
            for node in (*pbx.plain, *pbx.secure)
        }

    def __bool__(self) -> bool:
        return bool(self._domains)

    def hide(self, from_host: str, side: str) -> bool:
        """Put the PBX's domain for its address into the current request, which goes to `side`; whether it was there."""
        domain = self._domains.get(from_host) if side[0] == "o" else None
        if domain is None:
            return False
        self._pv.sets("$fd", domain)
        return True

    def hide_inside_dialog(self, side: str) -> bool:
        """The same inside a dialog, where From was not read yet."""
        return side[0] == "o" and bool(self._domains) and self.hide(unbracketed(str(self._pv.get("$fd"))), side)

    def restore(self) -> None:
        """Give the PBX its own words back in the current answer."""
        if not self._domains:
            return
        now, _, before = str(self._pv.get(_BOTH)).partition(" ")
        if before != now and self._domains.get(unbracketed(before)) == now:
            self._pv.sets("$fd", before)
