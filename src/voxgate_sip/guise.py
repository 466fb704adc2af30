"""The edge as the user agent that a provider sees: the caller's identity, and CSeq above an answered challenge.

A request that is sent anew with credentials has a higher CSeq (RFC 3261 section 22.2), which the PBX knows nothing of.
So each further request of the PBX in that dialog is raised by as much, and the provider's answers are lowered again;
the provider's own requests have a count of their own. Nothing is kept between messages: the edge's Record-Route
carries how much, and which trunk's identity the dialog wears, in its parameter `u`: `u=RAISED-GROUP-KIND`. KIND is
`i` for a call of the provider, which wears nothing, `a` where the caller was made unknown, `t` otherwise. What is
challenged inside of a dialog is another matter: see `inside`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.callerid import HEADERS, Claims, dialled, edited
from voxgate_sip.message import IDENTITIES, NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router
    from voxgate_sip.trunks import CallerId, Trunk

#: Ends the names of callbacks whose replies must show what the PBX had asked.
ASKED: Final = "_asked"
_MARK: Final = re.compile(r";u=(\d{1,3})-([0-9a-f]{1,8})-([ati])(?=[;>])")
_SEPARATOR: Final = "\x1e"
_CLAIMS: Final = "$_s(" + _SEPARATOR.join(("$fu", "$fn", "$ft", *(f"$(hdr({name})[*])" for name in HEADERS))) + ")"
_COUNT: Final = "$_s($cs\n$hdr(RAck))"
_DIALLED: Final = "$_s($tU\n$tt\n$tn)"
_SAID: Final = "".join(f"$hdrc({name})" for name in IDENTITIES)
#: To and From last: a header may be folded over several lines.
_ASKED: Final = (
    f"$_s($T_req($cs)\n$rm\n$si\n{_SAID}\n$tt\n$T_req($tt)\n$tu\n$T_req($tu)\n"
    f"$T_req($hdr(From)){_SEPARATOR}$T_req($hdr(To)))"
)


class Worn(NamedTuple):
    """What a request was dressed in: the parameter for Record-Route, and whether From and To are new ones.

    `told`: what it says of people is as the provider shall hear it. `asked`: answers must show what the PBX asked.
    `raised`: by how much CSeq is higher from the start of the dialog on; inside of it, `account` is the group of the
    trunk whose account answers challenges, and whoever sends the request has yet to raise it.
    """

    mark: str = ""
    named: bool = False
    told: bool = False
    dialled: bool = False
    asked: bool = False
    raised: int = 0
    account: str = ""


#: Nothing.
BARE: Final = Worn()


def called_by(trunk: Trunk) -> str:
    """The parameter for Record-Route of a call that this trunk makes: it may challenge what the PBX asks inside."""
    return f";u=0-{trunk.group:x}-i" if trunk.password else ""


class Guise:
    """For one policy generation that has trunks."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._ksr = ksr
        self._trunks = router.trunks
        self._marked = {
            f"{trunk.group:x}": trunk for trunk in router.policy.trunks.values() if trunk.caller or trunk.password
        }
        #: Whether anything can be worn inside of a dialog.
        self.active = bool(self._marked)
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
            self.count(lambda _: raised)
        marked = raised or trunk.caller or trunk.password
        return Worn(
            f";u={raised}-{group}-{'a' if anonymous else 't'}" if marked else "",
            named,
            told=bool(trunk.caller) or hidden,
            dialled=self._dial(trunk),
            asked=bool(raised or trunk.caller),
        )

    def keep_on(self, *, hidden: bool) -> Worn:
        """The current request is a PBX's inside of a dialog with a provider."""
        route = str(self._ksr.pv.get("$hdr(Route)") or "").partition(">")[0] + ">"
        mark = _MARK.search(route)
        if mark is None:
            return BARE
        named, raised, trunk = False, int(mark[1]), self._marked.get(mark[2])
        caller = trunk.caller if trunk and mark[3] != "i" else None
        if caller:
            named, _ = self._identify(caller, hidden=hidden, inside=True, anonymous=mark[3] == "a")
        account = mark[2] if trunk and trunk.password else ""
        if raised and not account:
            self.count(lambda _: raised)
        return Worn(
            mark[0],
            named,
            told=bool(caller),
            dialled=bool(trunk and caller and self._dial(trunk)),
            asked=bool(raised or caller),
            raised=raised,
            account=account,
        )

    def taking_off(self, then: Callable[[], None]) -> Callable[[], None]:
        """A shape for replies of a dressed request: `take_off`, then another one."""

        def shape() -> None:
            self.take_off()
            then()

        return shape

    def take_off(self) -> None:
        """The current reply goes to the PBX, which must find what it had asked."""
        values = str(self._ksr.pv.get(_ASKED)).split("\n", 8)
        count, method, source, claims, tag, asked_tag, uri, asked_uri, ends = values
        sender, _, callee = ends.partition(_SEPARATOR)
        hdr = self._ksr.hdr
        if uri != asked_uri:
            hdr.remove("To")
            hdr.append(f"To: {callee}{f';tag={tag}' if asked_tag == NOTHING != tag else ''}\r\n")
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

    def _dial(self, trunk: Trunk) -> bool:
        """Put whom the provider shall call into To of the current request; whether that is another one."""
        if trunk.caller is None or not trunk.caller.called:
            return False
        user, tag, display = str(self._ksr.pv.get(_DIALLED)).split("\n", 2)
        callee = dialled(user, "" if tag == NOTHING else tag, "" if display == NOTHING else display, trunk)
        if callee:
            self._ksr.hdr.remove("To")
            self._ksr.hdr.append(f"To: {callee}\r\n")
        return bool(callee)

    def count(self, raised: Callable[[int], int]) -> None:
        """Raise CSeq of the current request, and what PRACK says of the INVITE's (RFC 3262 section 7.2)."""
        count, acknowledged = str(self._ksr.pv.get(_COUNT)).split("\n", 1)
        method = self._ksr.kx.get_method()
        hdr = self._ksr.hdr
        hdr.remove("CSeq")
        hdr.append(f"CSeq: {int(count) + raised(int(count))} {method}\r\n")
        response, _, rest = acknowledged.partition(" ")
        first, _, of = rest.strip().partition(" ")
        if first.isdecimal():
            hdr.remove("RAck")
            hdr.append(f"RAck: {response} {int(first) + raised(int(first))} {of.strip()}\r\n")
