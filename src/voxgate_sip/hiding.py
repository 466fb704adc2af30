"""Topology hiding: what parties outside must not learn about the PBXs, taken out on the way and put back.

Towards a party outside that is no PBX

* a PBX's Contact shows the edge, and the real host and port sealed in the parameter `n`; Record-Routes of proxies
  behind the edge go into the same seal. Requests inside the dialog bring it back in their request URI.
* the Vias of a PBX's request become one of the edge's; the reply gets them back from the transaction. The engine
  writes into that Via where the request came from, so it is told last of all that it came from the edge.

Nothing is kept between messages, so that calls outlive a restart. A seal is encrypted and authenticated (synthetic
initialisation vector, RFC 5297 in spirit): a stranger can neither read nor make one.
"""

from __future__ import annotations

import re

# Not by hashlib: that one starts OpenSSL's hash functions, in a process whose OpenSSL allocates in shared memory.
from _blake2 import blake2b
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from voxgate_sip.identity import Identity
from voxgate_sip.message import IDENTITIES, NOBODY, NOTHING, unbracketed
from voxgate_sip.replies import SHAPED, entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.guise import Worn
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.replies import Replies
    from voxgate_sip.route import Router

#: The parameter that carries a seal.
MARK: Final = ";n="
#: A request has passed as many proxies at most (RFC 3261 section 8.1.1.6).
_MOST_VIAS: Final = 70
_IV_BYTES: Final = 6
#: A blake2b digest; longer texts take several.
_BLOCK_BYTES: Final = 64
_CACHED: Final = 4096
#: Scheme and user, then host and port of each SIP URI in a header.
_SIP_URI: Final = re.compile(r"(sips?:(?:[^@<>\s]*@)?)(\[[0-9A-Fa-f:.]+\](?::\d+)?|[^\[\]@;>,?\s]+)([^>,\s]*)")
#: Of a request: Contact, Record-Routes. Of a reply: also who asked, and by which transport.
_ALIAS: Final = ";alias="
_CLAIMS: Final = "".join(f"$hdrc({name})" for name in IDENTITIES)
_VIAS: Final = f"$_s($hdrc(Via)\n$hdrc(Contact)\n$fd\n$tu\n{_CLAIMS}\n$hdr(Via))"
_IN_REQUEST: Final = "$_s($ct\n$(hdr(Record-Route)[*]))"
#: Of a reply to a PBX: host of From and URI of To, now and as the PBX wrote them, Vias of the PBX.
_BEFORE: Final = "$_s($fd\n$T_req($fd)\n$tu\n$T_req($tu)\n$T_req($(hdr(Via)[*])))"
#: Who asked is kept with the transaction: its request would be copied and parsed for that.
ASKER: Final = "$avp(voxgate_asker)"
#: The routes behind the edge that a request inside the dialog was sent along; its reply has no Record-Route.
_BEHIND: Final = "$avp(voxgate_behind)"
_NO_ROUTES: Final = f"\n{NOTHING}"
_IN_REPLY: Final = f"$_s({_CLAIMS}\n{ASKER}\n$ct\n$(hdr(Record-Route)[*]))"
#: The same where providers see the edge in ways of their own: by which port they have asked.
_IN_REPLY_AT: Final = f"$_s({_CLAIMS}\n$T_req($si) $T_req($Rp)\n$T_req($pr)\n$ct\n$(hdr(Record-Route)[*]))"


class Seal:
    """Seals short texts with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, digest_size=32).digest()
        self.close: Callable[[str], str] = lru_cache(_CACHED)(self._close)
        self.open: Callable[[str], str] = lru_cache(_CACHED)(self._open)

    def _close(self, text: str) -> str:
        """`text` as a token of letters, digits, `-` and `_`."""
        plain = text.encode()
        iv = self._iv(plain)
        return urlsafe_b64encode(iv + self._mixed(iv, plain)).decode().rstrip("=")

    def _open(self, token: str) -> str:
        """The text in a token that `close` made. Raises ValueError for any other."""
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        iv, plain = data[:_IV_BYTES], self._mixed(data[:_IV_BYTES], data[_IV_BYTES:])
        if self._iv(plain) != iv:
            raise ValueError("not sealed here")
        return plain.decode()

    def _iv(self, plain: bytes) -> bytes:
        return blake2b(plain, key=self._key, digest_size=_IV_BYTES, person=b"iv").digest()

    def _mixed(self, iv: bytes, data: bytes) -> bytes:
        stream = b"".join(
            blake2b(iv, key=self._key, person=b"stream", salt=block.to_bytes(2, "big")).digest()
            for block in range(-(-len(data) // _BLOCK_BYTES))
        )
        return bytes(one ^ other for one, other in zip(data, stream, strict=False))


def shown(contact: str, own: str, routes: str, seal: Seal) -> str:
    """A `contact` with the edge (`own`: host:port) in place of each host, which is sealed together with `routes`."""

    def replaced(match: re.Match[str]) -> str:
        head, host, params = match.groups()
        # What a later passage of the call has noted is an address, too.
        before, alias, rest = params.partition(_ALIAS)
        if alias:
            there, semicolon, after = rest.partition(";")
            host, params = f"{host}{alias}{there}", f"{before}{semicolon}{after}"
        return f"{head}{own}{params}{MARK}{seal.close(f'{host}|{routes}' if routes else host)}"

    return _SIP_URI.sub(replaced, contact)


def real(uri: str, seal: Seal) -> tuple[str, str]:
    """The request URI behind `uri`, and the routes sealed with it. Raises ValueError when it carries no seal."""
    before, mark, rest = uri.partition(MARK)
    token, semicolon, after = rest.partition(";")
    if not mark:
        raise ValueError("no seal")
    host, _, routes = seal.open(token).partition("|")
    head, at, shown_host = before.rpartition("@") if "@" in before else before.partition(":")
    end = shown_host.find("]") + 1 if shown_host.startswith("[") else 0
    end = shown_host.find(";", end)
    params = shown_host[end:] if end >= 0 else ""
    return f"{head}{at}{host}{params}{semicolon}{after}", routes


class Hider:
    """Hides PBXs in the messages of one policy generation."""

    def __init__(self, ksr: Ksr, router: Router, legs: Legs, seal: Seal, *, replies: Replies) -> None:
        self._ksr = ksr
        self._router = router
        #: Whether any PBX may be hidden from anybody: asked first, because `hides` needs sides and addresses.
        policy = router.policy
        self.active = (policy.hide_topology and any(pbx.hide_topology for pbx in policy.pbxs.values())) or any(
            trunk.hides for trunk in policy.trunks.values()
        )
        self._legs = legs
        self._pv_sets = ksr.pv.sets
        #: A PBX says the same in many calls.
        self._contact_line = lru_cache(_CACHED)(self._line_of)
        self._apart = replies.rewriter.apart
        #: The replies of a call are much alike, and so are the requests inside its dialog.
        self._usually_seen = lru_cache(_CACHED)(self._seen_at_once)
        self._real = lru_cache(_CACHED)(partial(real, seal=seal))
        self._shown = frozenset(
            node.address
            for pbx in router.policy.pbxs.values()
            if not pbx.hide_topology
            for node in (*pbx.plain, *pbx.secure)
        )
        self._identity = Identity(ksr, router)
        self._seal = seal
        self._from_phone = replies.from_phone
        self._method = ksr.kx.get_method
        self._own = {key: own.partition(";")[0] for key, own in legs.own_uris().items()}
        self._pv_get = ksr.pv.get
        self._remove = ksr.hdr.remove
        self._append = ksr.hdr.append
        self._remove_nth = ksr.textops.remove_hf_idx
        self._replace = ksr.textops.replace_hdrs_str
        self._t_newtran = ksr.tm.t_newtran
        self._set_source = ksr.corex.set_source_address

    def hides(self, address: str, side: str, told: bool | None = None) -> bool:
        """Whether parties on a side, other than PBXs, must not see the PBX at `address`; `told` is a trunk's word."""
        if told is not None:
            return told
        return self.active and side[0] == "o" and address not in self._shown

    def request(self, method: str, leg: Leg, *, worn: Worn | None = None) -> bool:
        """The current request is a PBX's and leaves at once by `leg` towards a party outside; False: it is a copy."""
        if method != "ACK" and self._t_newtran() <= 0:
            # The transaction knows whom to answer; it has sent its last answer again.
            return False
        self.cover(method, leg, worn=worn)
        return True

    def cover(self, method: str, leg: Leg, *, worn: Worn | None = None) -> None:
        """Take the PBX out of the current request; its transaction is there already. `worn`: what was done before."""
        own = leg.own.partition(";")[0]
        # The engine would look a name up.
        here = leg.source or own
        count, contacts, from_host, callee, claims, first = str(self._pv_get(_VIAS)).split("\n", 5)
        if method in SHAPED:
            contact, routes = str(self._pv_get(_IN_REQUEST)).split("\n", 1)
            if routes != NOTHING:
                self._remove("Record-Route")
            self._show(contact, own, "" if routes == NOTHING else routes)
        elif contacts != "0" and method != "REGISTER":
            # It means nothing there (RFC 3261 table 2).
            self._remove("Contact")
        if worn is None or not worn.named:
            self._identity.hide(from_host)
        if leg.host and (worn is None or not worn.dialled):
            self._identity.dial(callee, leg.host)
        if claims != NOBODY and (worn is None or not worn.told):
            self._identity.hide_claims()
        for index in range(1, min(int(count), _MOST_VIAS)):
            self._remove_nth("Via", index)
        self._replace(first, f"SIP/2.0/{leg.proto.upper()} {here};branch=z9hG4bKvoxgate", "f")
        # A source has a transport of the network, and WebSocket is none to the engine here.
        self._set_source(f"{'tcp' if leg.proto == 'ws' else leg.proto}:{here}")

    def asked_by(self, source: str, proto: str) -> None:
        """The current request came from `source` by `proto`, and the PBX is hidden in its replies."""
        if not self._legs.apart:
            self._pv_sets(ASKER, f"{source}\n{proto}")

    def reply_of_pbx(self) -> None:
        """The current reply is a PBX's and goes to a party outside."""
        reply = str(self._pv_get(_IN_REPLY))
        routes, contact = self._usually_seen(reply) or self._seen(reply)
        if routes is not None:
            self._remove("Record-Route")
            if routes:
                self._append(routes)
        if contact:
            self._remove("Contact")
            self._append(contact)

    def _seen_at_once(self, reply: str) -> tuple[str | None, str] | None:
        """The same as `_seen` where nothing else has to be asked or done, as in most replies; else None."""
        claims, _, rest = reply.partition("\n")
        usual = claims == NOBODY and not rest.startswith(NOTHING) and not rest.endswith(_NO_ROUTES)
        return self._seen_from_outside(rest, "") if usual else None

    def _seen(self, reply: str) -> tuple[str | None, str]:
        claims, _, rest = reply.partition("\n")
        if rest.startswith(NOTHING):
            claims, _, rest = str(self._pv_get(_IN_REPLY_AT)).partition("\n")
        if claims != NOBODY:
            self._identity.hide_claims()
        behind = str(self._pv_get(_BEHIND) or "") if rest.endswith(_NO_ROUTES) else ""
        return self._seen_from_outside(rest, behind)

    def _seen_from_outside(self, reply: str, behind: str) -> tuple[str | None, str]:
        """Lines for Record-Route and Contact of a reply (`_IN_REPLY` without claims): None, or empty, where they stay.

        `behind`: see `_BEHIND`.
        """
        source, proto, contact, routes = reply.split("\n", 3)
        line, inner = None, behind
        if routes != NOTHING:
            ours, others = self._apart(routes)
            # A caller reverses what it sees (RFC 3261 section 12.1.2); the seal keeps them as a request carries them.
            inner = ", ".join(reversed(others))
            if inner or ours != routes:
                line = f"Record-Route: {ours}\r\n" if ours else ""
        source, _, port = source.partition(" ")
        address = unbracketed(source)
        side = self._router.side_of(address)
        own = self._own.get((side, proto))
        if port and self._legs.apart:
            own = self._legs.own_towards(address, side, proto, int(port)) or own
        return line, self._contact_line(contact, own, inner) if own and contact != NOTHING else ""

    def reply_to_pbx(self, *, named: bool = False) -> None:
        """The current reply goes to a PBX whose Vias were taken off; its sender gives back the edge's two.

        `named`: From and To are the PBX's own again.
        """
        from_host, before, callee, dialled, vias = str(self._pv_get(_BEFORE)).split("\n", 4)
        self._remove_nth("Via", 1)
        self._append(f"Via: {vias}\r\n")
        if not named:
            self._identity.restore(from_host, before, callee, dialled)
        if self._method() in SHAPED:
            self._from_phone()

    def reveal(self, uri: str) -> str:
        """Put back what the request URI of the current request hides; gives the routes behind the edge.

        To be called before the route set is looked at: an own request URI there means a strict router. Raises
        ValueError when the seal is not ours.
        """
        whole, routes = self._real(uri)
        self._ksr.seturi(whole)
        return routes

    def follow(self, routes: str) -> None:
        """Send the current request along `routes`, as `reveal` gave them."""
        self._append(f"Route: {routes}\r\n")
        self._pv_sets(_BEHIND, routes)
        self._ksr.setdsturi(entries(routes)[0][1:-1])

    def _show(self, contact: str, own: str, routes: str) -> None:
        if contact != NOTHING:
            self._remove("Contact")
            self._append(self._contact_line(contact, own, routes))

    def _line_of(self, contact: str, own: str, routes: str) -> str:
        return f"Contact: {shown(contact, own, routes, self._seal)}\r\n"
