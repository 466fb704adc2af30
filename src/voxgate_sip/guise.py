"""The edge as the user agent that a provider sees: the caller's identity, and CSeq above an answered challenge.

A request that is sent anew with credentials has a higher CSeq (RFC 3261 section 22.2), which the PBX knows nothing of.
So each further request of the PBX in that dialog is raised by as much, and the provider's answers are lowered again;
the provider's own requests have a count of their own. Nothing is kept between messages: the edge's Record-Route
carries how much, and which trunk's identity the dialog wears, in its parameter `u`: `u=RAISED-GROUP-KIND`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.callerid import HEADERS, Claims, edited
from voxgate_sip.message import IDENTITIES, NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router
    from voxgate_sip.trunks import CallerId, Trunk

#: Ends the names of callbacks whose replies must show what the PBX had asked.
ASKED: Final = "_asked"
_MARK: Final = re.compile(r";u=(\d{1,3})-([0-9a-f]{1,8})-([at])(?=[;>])")
_SEPARATOR: Final = "\x1e"
_CLAIMS: Final = "$_s(" + _SEPARATOR.join(("$fu", "$fn", "$ft", *(f"$(hdr({name})[*])" for name in HEADERS))) + ")"
_COUNT: Final = "$_s($cs\n$hdr(RAck))"
_SAID: Final = "".join(f"$hdrc({name})" for name in IDENTITIES)
#: From last: a header may be folded over several lines.
_ASKED: Final = f"$_s($T_req($cs)\n$rm\n$si\n{_SAID}\n$T_req($hdr(From)))"


class Worn(NamedTuple):
    """What a request was dressed in: the parameter for Record-Route, and whether From is a new one.

    `told`: what it says of people is as the provider shall hear it.
    """

    mark: str = ""
    named: bool = False
    told: bool = False


#: Nothing.
BARE: Final = Worn()


class Guise:
    """For one policy generation that has trunks."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._ksr = ksr
        self._trunks = router.trunks
        self._callers: dict[str, CallerId] = {
            f"{trunk.group:x}": trunk.caller for trunk in router.policy.trunks.values() if trunk.caller
        }
        #: Whether anything can be worn inside of a dialog.
        self.active = bool(self._callers) or any(trunk.password for trunk in router.policy.trunks.values())
        self._domains = {
            node.address: pbx.domain
            for pbx in router.policy.pbxs.values()
            if pbx.domain
            for node in (*pbx.plain, *pbx.secure)
        }

    def put_on(self, trunk: Trunk, raised: int, *, hidden: bool) -> Worn:
        """The current branch opens a dialog with a provider.

        `raised`: how often its INVITE was sent anew with credentials.
        """
        group = f"{trunk.group:x}"
        named = anonymous = False
        if trunk.caller or hidden:
            named, anonymous = self._identify(trunk.caller, hidden=hidden)
        if raised:
            self._raise(raised)
        told = bool(trunk.caller) or hidden
        if not (raised or trunk.caller):
            return Worn(told=told)
        return Worn(f";u={raised}-{group}-{'a' if anonymous else 't'}", named, told)

    def keep_on(self, *, hidden: bool) -> Worn:
        """The current request is a PBX's inside of a dialog with a provider."""
        route = str(self._ksr.pv.get("$hdr(Route)") or "").partition(">")[0] + ">"
        mark = _MARK.search(route)
        if mark is None:
            return BARE
        named, caller = False, self._callers.get(mark[2])
        if caller:
            named, _ = self._identify(caller, hidden=hidden, inside=True, anonymous=mark[3] == "a")
        if raised := int(mark[1]):
            self._raise(raised)
        return Worn(mark[0], named, bool(caller))

    def taking_off(self, then: Callable[[], None]) -> Callable[[], None]:
        """A shape for replies of a dressed request: `take_off`, then another one."""

        def shape() -> None:
            self.take_off()
            then()

        return shape

    def take_off(self) -> None:
        """The current reply goes to the PBX, which must find what it had asked."""
        count, method, source, claims, sender = str(self._ksr.pv.get(_ASKED)).split("\n", 4)
        hdr = self._ksr.hdr
        hdr.remove("CSeq")
        hdr.append(f"CSeq: {count} {method}\r\n")
        hdr.remove("From")
        hdr.append(f"From: {sender}\r\n")
        if claims.strip("0") and self._trunks and not self._trunks.trusts(source):
            for name in IDENTITIES:
                hdr.remove(name)

    def _identify(
        self, caller: CallerId | None, *, hidden: bool, inside: bool = False, anonymous: bool = False
    ) -> tuple[bool, bool]:
        """Edit the current request; whether From is a new one, and whether the caller is unknown now."""
        hdr = self._ksr.hdr
        values = ["" if value == NOTHING else value for value in str(self._ksr.pv.get(_CLAIMS)).split(_SEPARATOR)]
        if len(values) != len(Claims._fields):
            # Somebody writes the separator into a header: nothing of it is passed on.
            for name in HEADERS:
                hdr.remove(name)
            values = [*values[:3], *("" for _ in HEADERS)]
        uri, display, *rest = values
        claims = Claims(uri, f"{display} " if display else "", *rest)
        edits = edited(claims, caller, self._domains if hidden else {}, inside=inside, anonymous=anonymous)
        for name in edits.remove:
            hdr.remove(name)
        lines = "".join(edits.add)
        if edits.sender:
            hdr.remove("From")
            lines += f"From: {edits.sender}\r\n"
        if lines:
            hdr.append(lines)
        return bool(edits.sender), edits.anonymous

    def _raise(self, by: int) -> None:
        """CSeq of the current request, and what PRACK says of the INVITE's (RFC 3262 section 7.2)."""
        count, acknowledged = str(self._ksr.pv.get(_COUNT)).split("\n", 1)
        method = self._ksr.kx.get_method()
        hdr = self._ksr.hdr
        hdr.remove("CSeq")
        hdr.append(f"CSeq: {int(count) + by} {method}\r\n")
        response, _, rest = acknowledged.partition(" ")
        first, _, of = rest.strip().partition(" ")
        if first.isdecimal():
            hdr.remove("RAck")
            hdr.append(f"RAck: {response} {int(first) + by} {of.strip()}\r\n")
