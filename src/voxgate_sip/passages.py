"""A call that passes the edge more than once (a spiral, RFC 3261 section 6), because a PBX or a provider is a proxy.

Call-ID and tags are the same each time, and rtpengine would take the second offer for a change of the first one. So
from the second passage on, a call has another name there. The passage's number stands in the edge's Record-Route, in
the parameter `m`, for requests inside the dialog; and in the transaction, for its replies.
"""

from __future__ import annotations

# Not by hashlib: see `hiding`.
from _blake2 import blake2b
from typing import TYPE_CHECKING, Final

from voxgate_sip.legs import NEXT_HOP

if TYPE_CHECKING:
    from collections.abc import Collection

    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Legs
    from voxgate_sip.route import Request

#: Where a transaction, or an ACK, has the number of its passage.
PASSAGE: Final = "$avp(voxgate_passage)"
#: What proxies have written into a request.
RECORDED: Final = "$(hdr(Record-Route)[*])"
_MARK: Final = ";m=~"
#: `NEXT_HOP`, and right behind it what follows a tilde in Route, if there is one: the first passage costs nothing.
HOP_ALONG: Final = NEXT_HOP.removesuffix(")") + "$(hdr(Route){s.after,~}))"
#: The URI that the next hop is taken from, and the same behind it.
URI_ALONG: Final = "$_s($nh(u)$(hdr(Route){s.after,~}))"
#: How it ends where there is none.
HOP_ENDS: Final = (" UDP", " TCP", " TLS", " WS", " WSS")
#: More are a loop.
_MOST: Final = 9


def marked(passage: str) -> str:
    """The parameter for Record-Route; the first passage has none."""
    return f"{_MARK}{passage}" if passage else ""


def passage_along(route: str) -> str:
    """The passage of a request with this Route; empty for the first."""
    number = route.partition(">")[0].partition(_MARK)[2].partition(";")[0]
    return number if len(number) == 1 and number in "23456789" else ""


def passage_after(routes: str, own: Collection[str]) -> str:
    """The passage of a request with these Record-Routes; empty for the first. `own`: `host:port` of the edge."""
    before = [
        int(passage_along(entry) or 1)
        for entry in routes.split("<sip:")[1:]
        if entry.partition(";")[0] in own and ";e=" in entry
    ]
    return str(min(max(before) + 1, _MOST)) if before else ""


class Passages:
    """Counts the passages of requests outside of a dialog, for one policy generation."""

    def __init__(self, ksr: Ksr, legs: Legs) -> None:
        self._ksr = ksr
        uris = (*legs.own_uris().values(), *legs.trunk_uris().values())
        self._own = frozenset(uri.partition(";")[0] for uri in uris)

    def of(self, request: Request) -> str:
        """The passage of the current request; empty for the first."""
        return passage_after(str(self._ksr.pv.get(RECORDED)), self._own) if request.recorded else ""


class PassedEngine:
    """rtpengine as the passages after the first one see it."""

    def __init__(self, ksr: Ksr) -> None:
        self._ksr = ksr

    def offer(self, flags: str) -> int:
        """What the caller offers."""
        return self._ksr.rtpengine.rtpengine_offer(f"{flags} {self._named()}")

    def answer(self, flags: str) -> int:
        """What the callee answers."""
        return self._ksr.rtpengine.rtpengine_answer(f"{flags} {self._named()}")

    def delete(self) -> int:
        """The call is over."""
        return self._ksr.rtpengine.rtpengine_delete(self._named())

    def _named(self) -> str:
        """A name of its own, without the Call-ID itself, which may hold what ends a flag."""
        digest = blake2b(self._ksr.kx.get_callid().encode("utf-8", "replace"), digest_size=16).hexdigest()
        return f"call-id=passage{self._ksr.pv.get(PASSAGE)}-{digest}"
