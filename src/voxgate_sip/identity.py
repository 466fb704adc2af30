"""Who a hidden PBX says it is: many PBXs write their own address into From, where their domain belongs.

A provider is named in To, where the PBX has written the edge's name or its own.

Phones outside see the domain instead; the PBX finds its own words in the answers. Requests of the phone inside such a
call carry the domain in To: a dialog is found by its tags (RFC 3261 section 12), not by these URIs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate_sip.callerid import elsewhere
from voxgate_sip.message import IDENTITIES, unbracketed

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router


class Identity:
    """Names PBXs for one policy generation. Hosts are as they stand in From."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._pv = ksr.pv
        self._hdr = ksr.hdr
        self._domains = {
            node.address: pbx.domain
            for pbx in router.policy.pbxs.values()
            if pbx.domain
            for node in (*pbx.plain, *pbx.secure)
        }

        #: What names nobody beyond the edge.
        self._here = router.policy.own | self._domains.keys() | router.policy.domains.keys()

    def hide_claims(self) -> None:
        """The same in what the current message asserts of people."""
        for name in IDENTITIES:
            value = self._pv.get(f"$(hdr({name})[*])")
            shown = elsewhere(str(value or ""), self._domains)
            if value and shown != value:
                self._hdr.remove(name)
                self._hdr.append(f"{name}: {shown}\r\n")

    def hide(self, from_host: str) -> None:
        """Put the PBX's domain for its address into the current request."""
        domain = self._domains.get(unbracketed(from_host))
        if domain:
            self._pv.sets("$fd", domain)

    def dial(self, callee: str, host: str) -> None:
        """Name a provider by its `host` in To (its URI is `callee`) of the current request."""
        shown = elsewhere(callee, dict.fromkeys(self._here, host))
        if shown != callee:
            self._pv.sets("$tu", shown)

    def restore(self, now: str, before: str, callee: str, dialled: str) -> None:
        """Give the PBX its own words back in the current answer: `before` where the edge made it `now` in From.

        The same in To: `dialled` where it says `callee`.
        """
        if now != before and self._domains.get(unbracketed(before)) == now:
            self._pv.sets("$fd", before)
        if callee != dialled:
            self._pv.sets("$tu", dialled)
