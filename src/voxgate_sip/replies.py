"""What happens to a reply on its way back to whoever asked.

The one Record-Route of the edge was written for the next hop's side; the caller must see its own side's
address there (RFC 3261 section 16.7 step 8 allows a proxy to rewrite its own value). Its parameter
`e=SIDE TRANSPORT` of the caller tells which.

A reply is shaped while its transaction lives. tm keeps it for `wt_timer` after a 200, so that a 200 that is
sent again because an ACK was lost is shaped as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr

#: Methods whose replies carry a Contact or a Record-Route that must be shaped. REGISTER is another matter.
SHAPED: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER", "UPDATE", "NOTIFY"})
#: Method -> the callback that shapes its replies, by who sends them; others pass as they are.
FROM_PBX: Final = {"REGISTER": "ksr_registered", **dict.fromkeys(SHAPED, "ksr_from_pbx")}
FROM_PHONE: Final = {"REGISTER": "ksr_registered", **dict.fromkeys(SHAPED, "ksr_from_phone")}
#: The same where the PBX is hidden from the other party.
FROM_HIDDEN: Final = {"REGISTER": "ksr_registered", **dict.fromkeys(SHAPED, "ksr_from_hidden")}
TO_HIDDEN: Final = "ksr_to_hidden"
#: Where the caller sees the edge as the other party does, there is nothing to shape.
AS_IS: Final = "ksr_as_is"
#: The parameter that tells the caller's side and transport.
_MARK: Final = ";e="
#: How what follows it begins where it must come back inside the dialog: see `guise` and `passages`.
_KEPT: Final = ("u=", "m=")


def not_sent(ksr: Ksr, *, to_flow: bool) -> None:
    """Answer a request that could not be sent. `to_flow`: down a connection that only the phone can open.

    RFC 5626 section 5.3.1: then the PBX must try the phone's other flow.
    """
    if to_flow:
        ksr.sl.send_reply(430, "Flow Failed")
    else:
        ksr.sl.sl_reply_error()


class RecordRouteRewriter:
    """Turns the edge's Record-Route values in replies to the caller's side. By hand: a regex costs thrice as much."""

    def __init__(self, own: dict[tuple[str, str], str], trunks: dict[str, str] | None = None) -> None:
        """`own` maps (side, transport) to `host:port;transport=...` as parties on that side see the edge.

        `trunks` does the same for providers with a way of their own, by the mark of their calls (`ownways`).
        """
        self._own = {f"{side}{proto}": uri for (side, proto), uri in own.items()} | (trunks or {})
        self._hosts = frozenset(uri.partition(";")[0] for uri in self._own.values())
        self._groups = frozenset(mark.partition(".")[2] for mark in trunks or ())

    def rewrite(self, value: str) -> str:
        """`value` of Record-Route with our entry of this passage shown for the side it carries in `e=`.

        That is the first one that still does: where a call comes by again (`passages`), those of later passages have
        been turned, and those of earlier ones belong to other callers.
        """
        mark = value.find(_MARK)
        while mark >= 0:
            start, end = value.rfind("<sip:", 0, mark) + 5, value.find(">", mark)
            host, _, _ = value[start:mark].partition(";")
            side, _, rest = value[mark + len(_MARK) : end].partition(";")
            own = self._own.get(side) or self._to_trunk(side)
            if own and start >= 5 and host in self._hosts and ">" not in value[start:mark]:
                kept = rest[: rest.rfind(";") + 1] if rest.startswith(_KEPT) else ""
                return f"{value[:start]}{own};{kept}lr{value[end:]}"
            mark = value.find(_MARK, mark + 1)
        return value

    def _to_trunk(self, side: str) -> str:
        """How a PBX that called a trunk sees the edge; its further requests tell which trunk."""
        came, _, group = side.partition("-")
        return f"{self._own[came]};t={group}" if group in self._groups and came in self._own else ""

    def apart(self, value: str) -> tuple[str, list[str]]:
        """Of a Record-Route `value`: what the caller may see, rewritten, and what lies behind, in its order.

        Our entry of this passage is the first one as in `rewrite`; what follows it lies on the caller's side.
        """
        if value.count("<") == 1:
            return self.rewrite(value), []
        found = entries(value)
        at = next((at for at, entry in enumerate(found) if _MARK in entry and self._is_own(entry)), len(found))
        return self.rewrite(", ".join(found[at:])), found[:at]

    def _is_own(self, entry: str) -> bool:
        return entry.partition("<sip:")[2].partition(";")[0] in self._hosts


def entries(value: str) -> list[str]:
    """The entries of a header with name-addr in angle brackets, such as Record-Route."""
    return [f"{entry[entry.index('<') :]}>" for entry in value.split(">") if "<" in entry]


class Replies:
    """Shapes the replies of one policy generation."""

    def __init__(self, ksr: Ksr, rewriter: RecordRouteRewriter) -> None:
        self.rewriter = rewriter
        self._status = ksr.kx.get_status
        self._pv_get = ksr.pv.get
        self._remove = ksr.hdr.remove
        self._append = ksr.hdr.append
        self._set_contact_alias = ksr.nathelper.set_contact_alias_trim

    def registered(self) -> None:
        """The phone needs no Path, and it names an inside address (RFC 3327 section 5.3 makes it optional)."""
        self._remove("Path")

    def from_phone(self) -> None:
        """Note in Contact where the phone really is, then as from a PBX."""
        if self._status() < 300:
            self._set_contact_alias()
        self.from_pbx()

    def from_pbx(self) -> None:
        """Show the caller the edge as it looks from the caller's side."""
        value = self._pv_get("$(hdr(Record-Route)[*])")
        if value:
            shown = self.rewriter.rewrite(str(value))
            if shown != value:
                self._remove("Record-Route")
                self._append(f"Record-Route: {shown}\r\n")
