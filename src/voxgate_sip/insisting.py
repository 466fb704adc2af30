"""Which phones insist on encrypted media: those that offered nothing else in a call that was answered.

A phone on TLS is offered keys beside plain RTP, which fits phones that encrypt never or when asked to. Those that
must encrypt refuse it, so that what a phone offers when it calls is kept, in shared memory, for when it is called:
by its address and the user of its Contact, which is the user of the request URI then. Phones that get plain RTP
without a choice, over UDP and TCP, are not looked at.

A phone that has not called yet may refuse the choice: then it counts as one that insists on keys in SDP, and where it
refuses those, on DTLS-SRTP. So two calls to it fail at most, and none is tried twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.crypto import OFF, REQUIRED, Offer

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr

#: A phone that does not call for so long is forgotten.
LIFETIME_S: Final = 30 * 86400
_NEXT: Final = {Offer.EITHER: Offer.SDES, Offer.SDES: Offer.DTLS}
_TABLE: Final = "insisting"
_CALLER: Final = "$_s($si $(ct{nameaddr.uri}{uri.user}))"
_WHO_CALLED: Final = "$_s($T_req($si) $T_req($(ct{nameaddr.uri}{uri.user})))"
_CALLEE: Final = "$_s($nh(d) $rU)"
_WHO_ANSWERS: Final = "$_s($si $T_req($rU))"


def worth_knowing(srtp: str, transport: str) -> bool:
    """Whether it matters what a phone with that policy, which comes by that transport, insists on."""
    return srtp == REQUIRED or (transport == "tls" and srtp != OFF)


class Insisting:
    """The phones that insist, for all workers."""

    def __init__(self, ksr: Ksr) -> None:
        self._ksr = ksr

    def caller_does(self, on: Offer) -> None:
        """The caller whose request the current reply has answered insists `on` that."""
        self._ksr.htable.sht_setxi(_TABLE, self._key(_WHO_CALLED), int(on), LIFETIME_S)

    def caller_does_not(self) -> None:
        """The caller who sent the current request does not."""
        self._ksr.htable.sht_rm(_TABLE, self._key(_CALLER))

    def callee_does(self) -> Offer:
        """What whoever the current request goes to insists on; `PLAIN` for nothing."""
        value = self._ksr.htable.sht_get(_TABLE, self._key(_CALLEE))
        return Offer(value) if isinstance(value, int) else Offer.PLAIN

    def callee_refuses(self, tried: Offer) -> None:
        """The callee whose reply is the current message refuses what was tried: next time it is the next kind."""
        key = self._key(_WHO_ANSWERS)
        if tried in _NEXT:
            self._ksr.htable.sht_setxi(_TABLE, key, int(_NEXT[tried]), LIFETIME_S)
        else:
            self._ksr.htable.sht_rm(_TABLE, key)

    def _key(self, template: str) -> str:
        # An IPv6 address has brackets as a next hop, and none as a source.
        return str(self._ksr.pv.get(template)).replace("[", "", 1).replace("]", "", 1)
