"""Whether topoh hides a message: addresses of PBXs are for insiders, and for phones of PBXs that do not mind.

A message is judged by its text alone, because tm sends it again from its own buffer later. A PBX shows in the Via below
the edge's own in a request, in Contact in an answer; what a phone wrote into other places tells nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voxgate_sip.legs import bracketed
from voxgate_sip.message import NOTHING, unbracketed

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router

_TEMPLATE: Final = "$_s($rs\n$(hdr(Via)[1])\n$ct)"
_SENT_BY: Final = re.compile(r"SIP\s*/\s*2\.0\s*/\s*\w+\s+(\[[^\]]*\]|[^\s:;]+)", re.IGNORECASE)
_CONTACT: Final = re.compile(r"sips?:(?:[^@<>]*@)?(\[[^\]]*\]|[^:;>\s]+)", re.IGNORECASE)


class Topology:
    """Judges for one policy generation."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._pv_get = ksr.pv.get
        self._router = router
        self._pbx_hosts = frozenset(bracketed(address) for address in router.policy.pbx_protos)
        self._open = frozenset(
            bracketed(node.address)
            for pbx in router.policy.pbxs.values()
            if not pbx.hide_topology
            for node in (*pbx.plain, *pbx.secure)
        )

    def shows(self, host: str) -> bool:
        """Whether the current message, which goes to `host`, leaves as it is."""
        if host in self._pbx_hosts or (host and self._router.side_of(unbracketed(host))[0] == "i"):
            return True
        return bool(self._open) and sender(str(self._pv_get(_TEMPLATE))) in self._open


def sender(values: str) -> str:
    """The host that a message comes from, by its status, its second Via and its Contact, one a line; or nothing."""
    status, _, rest = values.partition("\n")
    via, _, contact = rest.partition("\n")
    found = _SENT_BY.match(via) if status == NOTHING else _CONTACT.search(contact)
    return found[1] if found else ""
