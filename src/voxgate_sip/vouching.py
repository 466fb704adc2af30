"""Whether who answers at a provider's address is the provider: the name in its certificate.

Kamailio checks who has signed a certificate, not whose it is; and it has no event for a connection that was opened
(`tls:connection-out` is never run). So each connection is opened by an OPTIONS of the edge's own, and its answer shows
whose certificate the other side has. Only a connection that was vouched for so is used for anything else; where
there is none, a call takes its next way.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from voxgate_sip.certificates import alternative_names
from voxgate_sip.legs import bracketed
from voxgate_sip.message import NOTHING, unbracketed
from voxgate_sip.route import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from voxgate_sip.events import Emitter, Refusals
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg
    from voxgate_sip.route import Router

#: Shared table: `NEXT_HOP` and the name that was found there -> the connection that was vouched for.
TABLE: Final = "vouched"
#: The callback for answers to such an OPTIONS.
VOUCHED: Final = "ksr_vouched"
#: As long as a connection may live.
_LIFETIME_S: Final = 86400
#: Who has not vouched is asked again after so long: each question is a connection and a handshake.
ASK_EVERY_S: Final = 5.0
_ANSWER: Final = "$_s($si $sp TLS\n$conid\n$tls_peer_verified\n$tls_peer_subject_cn)"
_WHOLE: Final = "$tls_peer_raw_cert"


class NotVouchedError(ForbiddenError):
    """Nobody knows who is there."""

    answer = (503, "Service Unavailable")


class Vouching:
    """For one policy generation."""

    def __init__(
        self,
        ksr: Ksr,
        router: Router,
        refusals: Refusals,
        events: Emitter,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ksr = ksr
        self._now = now
        #: Next hop -> when it was last asked.
        self._asked_s: dict[str, float] = {}
        self._events = events
        self._refusals = refusals
        #: Next hop -> the name that must stand in its certificate, the URI by which it is known, and ours there.
        self._names = {
            f"{hop.address} {hop.port} TLS": (
                trunk.own.server_name.lower(),
                hop.uri,
                trunk.own.name or router.policy.domain,
            )
            for trunk in router.policy.trunks.values()
            if trunk.own and trunk.own.checked
            for hop in trunk.hops
            if hop.proto == "tls"
        }
        self.active = bool(self._names)

    def asks(self, hop: str) -> None:
        """The current request is an OPTIONS of the edge's own to `hop`: its answer tells who is there."""
        if _key(hop) in self._names:
            self._ksr.tm.t_on_reply(VOUCHED)

    def answered(self) -> None:
        """Such an answer came."""
        key, connection, verified, common = str(self._ksr.pv.get(_ANSWER)).split("\n", 3)
        key = _key(key)
        if key not in self._names:
            return
        name, uri, _ = self._names[key]
        try:
            names = alternative_names(str(self._ksr.pv.get(_WHOLE) or ""))
        except ValueError:
            names = ()
        good = verified == "1" and speaks_for(name, names, "" if common == NOTHING else common)
        self._events.send(event="voucher", uri=uri, good=good)
        if good:
            self._ksr.htable.sht_setxi(TABLE, f"{key} {name}", int(connection), _LIFETIME_S)
            return
        self._ksr.htable.sht_rm(TABLE, f"{key} {name}")
        if self._refusals.may_log():
            self._ksr.err(f"event=trunk_is_somebody_else server_name={name} address={key.partition(' ')[0]}\n")
        self._ksr.tcpops.tcp_close_connection()

    def use(self, leg: Leg, hop: str) -> None:
        """Send the current request to `hop` (as `NEXT_HOP` gives it) over a connection that was vouched for.

        Raises NotVouchedError where there is none. Nothing for hops that need no voucher, but what was set before.
        """
        tcpops = self._ksr.tcpops
        if leg.proto != "tls" or _key(hop) not in self._names:
            tcpops.tcp_set_otcpid_flag(0)
            return
        connection = self._connection(_key(hop))
        if not connection:
            raise NotVouchedError("trunk-not-vouched")
        tcpops.tcp_set_otcpid(connection)
        tcpops.tcp_set_otcpid_flag(1)

    def sweep(self) -> None:
        """A few times per second: open connections where there is none, so that calls find them."""
        if not self.active:
            return
        now_s = self._now()
        for key, (name, _, ours) in self._names.items():
            if now_s - self._asked_s.get(key, -ASK_EVERY_S) >= ASK_EVERY_S and not self._connection(key):
                self._asked_s[key] = now_s
                host, port, _ = key.split(" ")
                to = f"sip:{bracketed(host)}:{port};transport=tls"
                ends = f"From: <sip:voxgate@{ours}>\r\nTo: <sip:{name}>\r\n"
                self._ksr.tm.t_uac_send("OPTIONS", to, to, "", ends, "")

    def _connection(self, key: str) -> int:
        """The connection to a next hop that was vouched for and is still open; 0: none."""
        name = self._names[key][0]
        connection = int(self._ksr.htable.sht_get(TABLE, f"{key} {name}") or 0)
        return connection if connection and self._ksr.tcpops.tcp_conid_alive(connection) > 0 else 0


def speaks_for(host: str, names: Collection[str], common: str) -> bool:
    """Whether a certificate is for `host`: by its alternative names, by its common name where it has none.

    RFC 5922 section 7 (`sip:` and a domain, or a host name), and RFC 6125 for `*.` in front.
    """
    hosts = [name.lower().removeprefix("sip:") for name in names if "@" not in name] or [common.lower()]
    above = host.partition(".")[2]
    return host in hosts or ("." in above and f"*.{above}" in hosts)


def _key(hop: str) -> str:
    """A next hop as the keys here: the address without brackets."""
    host, _, rest = hop.partition(" ")
    return f"{unbracketed(host)} {rest.upper()}"
