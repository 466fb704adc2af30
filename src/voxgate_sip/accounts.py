"""Accounts of PBXs at providers: a PBX registers there through the edge, and is called back through it.

The provider is told a Contact at the edge whose parameter `n` is a seal of the PBX's own, and of the node that has it.
A call to that Contact finds its way by the seal alone; one to the account's user, as some providers write it, by what
is kept of the registration in shared memory. Both hold for requests of the trunk's own addresses only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip import contacts
from voxgate_sip.chain import chain_of
from voxgate_sip.destinations import NO_NUMBER, FromTrunk, Registered
from voxgate_sip.events import plain
from voxgate_sip.hiding import MARK
from voxgate_sip.message import NOTHING, unbracketed
from voxgate_sip.route import Answer

if TYPE_CHECKING:
    from voxgate_sip.chain import Chain
    from voxgate_sip.events import Emitter
    from voxgate_sip.hiding import Hider, Seal
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Node, Pbx
    from voxgate_sip.route import Decision, Request, Router

#: Shared table: trunk and user -> PBX, node and Contact.
TABLE: Final = "accounts"
#: Where a transaction remembers its `Chain`.
CHAIN: Final = "$avp(voxgate_chain)"
#: The callbacks for a provider's replies to a PBX's REGISTER.
ACCOUNT: Final = "ksr_account"
ACCOUNT_HIDDEN: Final = "ksr_account_hidden"
#: Begins what is sealed into such a Contact; a dialog's seal begins with a host.
_KIND: Final = "registered"
_URI: Final = re.compile(r"<\s*(sips?:[^<>\s]+)\s*>|(?<![\w<:])(sips?:[^;,<>\s]+)", re.IGNORECASE)
_TOKEN: Final = re.compile(rf"{MARK}([A-Za-z0-9_-]+)")
_HOST: Final = re.compile(r"sips?:(?:[^@]*@)?(\[[0-9A-Fa-f:.]+\]|[^:;?>]+)(?::(\d{1,5}))?", re.IGNORECASE)
_SEPARATOR: Final = "\x1e"
_ANSWER: Final = (
    "$_s("
    + _SEPARATOR.join(
        (
            "$T_req($tU)",
            "$T_req($(hdr(Contact)[*]))",
            "$T_req($hdr(Expires))",
            "$(hdr(Contact)[*])",
            "$hdr(Expires)",
            "$rs",
            "$rr",
            "$T_req($hdrc(Authorization))$T_req($hdrc(Proxy-Authorization))",
        )
    )
    + ")"
)
_ANSWERED: Final = _ANSWER.count(_SEPARATOR) + 1
#: What a registrar says on the way: asked for credentials, or for a longer time.
_ON_THE_WAY: Final = frozenset({401, 407, 423})
_LONGEST_USER: Final = 80


class Owner(NamedTuple):
    """Who registered: the PBX, the URI of its node, and its own Contact."""

    pbx: str
    node: str
    uri: str

    def text(self) -> str:
        """As it is sealed and kept."""
        return "\n".join((_KIND, *self))


def owner_of(text: str) -> Owner | None:
    """What `Owner.text` wrote, if it did."""
    kind, *values = text.split("\n")
    return Owner(*values) if kind == _KIND and len(values) == len(Owner._fields) else None


class Accounts:
    """For one policy generation that has trunks."""

    def __init__(self, ksr: Ksr, router: Router, seal: Seal, emitter: Emitter, *, hider: Hider) -> None:
        self._ksr = ksr
        self._router = router
        self._hider = hider
        self._seal = seal
        self._emitter = emitter
        #: Whether any PBX may have an account of its own.
        self.active = any(trunk.pbxs and not trunk.account for trunk in router.policy.trunks.values())

    @staticmethod
    def may_be_called(decision: Decision) -> bool:
        """Whether a request that was decided so may be for an account: it is a provider's."""
        return isinstance(decision, FromTrunk) or (isinstance(decision, Answer) and decision.reason == NO_NUMBER)

    def called(self, request: Request, uri: str) -> Request:
        """A provider's request with the account that it is for, if it is for one. `uri` is its request URI."""
        if sealed := self._sealed(uri):
            return request._replace(account=Registered(*sealed, exact=True))
        trunks = self._router.trunks
        for trunk in trunks.at(request.source) if trunks else ():
            kept = self._ksr.htable.sht_get(TABLE, f"{trunk.name} {request.ruri_user}")
            if isinstance(kept, str) and (owner := owner_of(kept)):
                return request._replace(account=Registered(*owner))
        return request

    def show(self, chain_owner: str, source: str, own: str) -> None:
        """Put the edge (`own`) into the Contacts of the current REGISTER of a PBX."""
        pbx = self._router.policy.pbxs.get(chain_owner)
        value = str(self._ksr.pv.get("$(hdr(Contact)[*])") or "")
        if pbx is None or not value:
            return

        def shown(match: re.Match[str]) -> str:
            uri = match[1] or match[2]
            user = uri.partition(":")[2].partition("@")[0] if "@" in uri else ""
            token = self._seal.close(Owner(pbx.name, _node(pbx, uri, source).uri, uri).text())
            return f"<sip:{user}{'@' if user else ''}{own}{MARK}{token}>"

        self._contact(_URI.sub(shown, value))

    def answered_hidden(self) -> None:
        """The same where the provider sees nothing of the PBX."""
        self._hider.reply_to_pbx()
        self.answered()

    def answered(self) -> None:
        """The current reply is a provider's to a PBX's REGISTER: give the PBX its own Contact back, and note it."""
        values = str(self._ksr.pv.get(_ANSWER)).split(_SEPARATOR)
        if len(values) != _ANSWERED:
            return
        user, asked, expires, listed, granted, status, phrase, credentials = (
            "" if value == NOTHING else value for value in values
        )
        own = _URI.sub(self._own, listed)
        if own != listed:
            self._contact(own)
        # The edge is on the way to the provider whatever it says (RFC 3608 is for who would not know the way).
        self._ksr.hdr.remove("Service-Route")
        chain = chain_of(str(self._ksr.pv.get(CHAIN)))
        trunk, user = chain.tried[-1][0], user[:_LONGEST_USER]
        code = int(status)
        if code == 200:
            self._note(trunk, chain, user, contacts.seen(asked, expires, own, granted))
        elif code >= 300 and (code not in _ON_THE_WAY or credentials.strip("0")):
            words = plain(phrase).replace("?", " ").split()
            self._tell(trunk, chain.owner, user, 0, " ".join((status, *words)))

    def _note(self, trunk: str, chain: Chain, user: str, now: contacts.Seen) -> None:
        htable = self._ksr.htable
        pbx = self._router.policy.pbxs.get(chain.owner)
        lasts = 0
        for contact, lasts_s in now.there if pbx else ():
            lasts = max(lasts, lasts_s)
            text = Owner(pbx.name, _node(pbx, contact.uri, chain.source).uri, contact.uri).text() if pbx else ""
            for name in {user, _user(contact.uri)} - {""}:
                htable.sht_setxs(TABLE, f"{trunk} {name}", text, lasts_s)
        if not lasts and (now.gone or now.all_gone):
            for name in {user, *(_user(key) for key in now.gone)} - {""}:
                htable.sht_rm(TABLE, f"{trunk} {name}")
        if lasts or now.gone or now.all_gone:
            self._tell(trunk, chain.owner, user, lasts, "")

    def _tell(self, trunk: str, pbx: str, user: str, lasts_s: int, reason: str) -> None:
        self._emitter.send(event="account", trunk=trunk, pbx=pbx, user=plain(user), lasts=lasts_s, reason=reason)

    def _contact(self, value: str) -> None:
        self._ksr.hdr.remove("Contact")
        self._ksr.hdr.append(f"Contact: {value}\r\n")

    def _own(self, match: re.Match[str]) -> str:
        owner = self._sealed(match[1] or match[2])
        return f"<{owner.uri}>" if owner else match[0]

    def _sealed(self, uri: str) -> Owner | None:
        found = _TOKEN.search(uri)
        if found is None:
            return None
        try:
            return owner_of(self._seal.open(found[1]))
        except ValueError:
            return None


def _user(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0][:_LONGEST_USER] if "@" in uri else ""


def _node(pbx: Pbx, uri: str, source: str) -> Node:
    """The node that has a Contact: at its address and port, else at its address, else where the request came from."""
    nodes = (*pbx.plain, *pbx.secure)
    match = _HOST.match(uri)
    host, port = (unbracketed(match[1]), int(match[2] or 5060)) if match else ("", 0)
    for fits in (
        [node for node in nodes if (node.address, node.port) == (host, port)],
        [node for node in nodes if node.address == host],
        [node for node in nodes if node.address == source],
    ):
        if fits:
            return fits[0]
    return nodes[0]
