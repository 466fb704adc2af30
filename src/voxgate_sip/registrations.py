"""Registrations that passed: told to the control plane, and UDP flows kept in shared memory for the keepalives.

Nothing is asked for until a PBX has answered 200. An event that is lost is made good by the next refresh.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voxgate_sip import contacts
from voxgate_sip.message import NOTHING, unbracketed

if TYPE_CHECKING:
    from voxgate_sip.events import Emitter
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router

#: Between values; whoever puts it into a header only makes a registration that is not listed.
SEPARATOR: Final = "\x1e"
_VALUES: Final = (
    "$si",
    "$sp",
    "$T_req($si)",
    "$T_req($sp)",
    "$T_req($pr)",
    "$T_req($tU)",
    "$T_req($td)",
    "$T_req($ua)",
    "$T_req($(hdr(Contact)[*]))",
    "$T_req($hdr(Expires))",
    "$(hdr(Contact)[*])",
    "$hdr(Expires)",
)
_TEMPLATE: Final = "$_s(" + SEPARATOR.join(_VALUES) + ")"
_STRANGE: Final = re.compile(r"[^A-Za-z0-9._:@/+!*~=<>; ()\[\]-]")
#: The longest name of a user, URI and user agent that is kept.
LONGEST: Final = 160
#: The table of flows, and between the parts of its keys.
FLOWS: Final = "flows"
#: Flows of phones that are registered, as `ADDRESS PORT`: a flood in their address's name does not stop them.
KNOWN: Final = "known"
PARTS: Final = " "


class Registrations:
    """Looks at the answers to REGISTER of one policy generation."""

    def __init__(self, ksr: Ksr, router: Router, emitter: Emitter) -> None:
        self._ksr = ksr
        self._router = router
        self._emitter = emitter
        self._owners = {
            (node.address, node.port): pbx.name
            for pbx in router.policy.pbxs.values()
            for node in (*pbx.plain, *pbx.secure)
        }

    def answered(self) -> None:
        """The current reply is one to a REGISTER."""
        if self._ksr.kx.get_status() != 200:
            return
        values = str(self._ksr.pv.get(_TEMPLATE)).split(SEPARATOR)
        if len(values) != len(_VALUES):
            return
        values = ["" if value == NOTHING else value for value in values]
        node, node_port, source, port, proto, user, domain, agent, *rest = values
        now = contacts.seen(*rest)
        if not (now.there or now.gone or now.all_gone):
            return
        aor = _plain(f"{user}@{unbracketed(domain).lower()}")
        source = unbracketed(source)
        self._emitter.send(
            event="registered",
            aor=aor,
            pbx=self._owners.get((unbracketed(node), int(node_port)), ""),
            agent=_plain(agent),
            address=source,
            port=int(port),
            transport=proto.lower(),
            there=[[_plain(contact.key), _plain(contact.uri), lasts] for contact, lasts in now.there],
            gone=[_plain(key) for key in now.gone],
            all_gone=now.all_gone,
        )
        if now.there and self._router.policy.hygiene:
            lasts = max(one[1] for one in now.there)
            self._ksr.htable.sht_setxi(KNOWN, PARTS.join((source, port)), 1, lasts)
        if proto.lower() == "udp" and self._router.side_of(source)[0] == "o" and self._router.policy.keepalive_s:
            self._keep_alive(PARTS.join((source, port, aor)), now)

    def _keep_alive(self, key: str, now: contacts.Seen) -> None:
        """A phone outside is behind something that forgets."""
        if now.there:
            contact, lasts = max(now.there, key=lambda one: one[1])
            uri = contact.uri if _plain(contact.uri) == contact.uri else ""
            self._ksr.htable.sht_setxs(FLOWS, key, uri, lasts)
        else:
            self._ksr.htable.sht_rm(FLOWS, key)


def _plain(text: str) -> str:
    """`text` from a packet, fit for a terminal and a log: a narrow set of characters, `?` for all others, bounded."""
    return _STRANGE.sub("?", text[:LONGEST])
