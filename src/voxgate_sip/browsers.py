"""WebSocket connections of browsers, which reach Kamailio through HAProxy: who they are, and the way back to them.

HAProxy ends TLS, so every connection seems to come from this machine. Its handshake says in a header, which HAProxy
overwrites, who the client is; that is kept by connection, and every message first gets its client's address as its
source. A message whose client is unknown goes no further. Towards a browser, the address is turned back into the one
connection it had; an address whose connection is gone leads nowhere, whoever has HAProxy's port now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.route import FlowGoneError

if TYPE_CHECKING:
    from collections.abc import Collection

    from voxgate_sip.events import Refusals
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import WebSocket

#: Tables in shared memory: connection -> `address:port`; `address:port` -> `connection|address:port of HAProxy's end`.
CLIENTS: Final = "ws_client"
CONNECTIONS: Final = "ws_connection"
#: Kamailio's log level for what is worse than an error.
CRITICAL: Final = -2
_CONNECTION: Final = "$ws_conid"
#: As in haproxy.cfg: the address in brackets, whatever its version.
_CLIENT: Final = re.compile(r"\[([0-9A-Fa-f:.]{2,45})\]:([0-9]{1,5})")
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_UPGRADE: Final = (
    *("$hdr(X-Edge-Key)", "$shv(websocket_key)", "$hdr(X-Edge-Client)", "$hdr(X-Edge-Scheme)"),
    *("$rm", "$hu", "$hdr(Upgrade)", "$hdr(Origin)", "$hdr(Sec-WebSocket-Protocol)"),
)
_UPGRADE_TEMPLATE: Final = "$_s(" + "\n".join(_UPGRADE) + ")"


class Upgrade(NamedTuple):
    """What an HTTP request says that asks for a WebSocket; in the order of `_UPGRADE`."""

    key: str
    expected_key: str
    client: str
    scheme: str
    method: str
    path: str
    upgrade: str
    origin: str
    protocols: str


def judge(asked: Upgrade, origins: Collection[str]) -> tuple[str, str]:
    """Who asks, as `address:port` (IPv6 in brackets), and why it is refused; empty: it is not.

    A page that came without TLS may not use a connection with TLS: whoever could change the page would have it too.
    """
    client = _CLIENT.fullmatch(asked.client)
    if asked.key != asked.expected_key or len(asked.key) < 32 or client is None:
        return "", "websocket-not-from-haproxy"
    address, port = client.groups()
    key = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if asked.method != "GET" or asked.path != "/ws" or asked.upgrade.lower() != "websocket":
        return key, "websocket-no-upgrade"
    if "sip" not in (name.strip().lower() for name in asked.protocols.split(",")):
        return key, "websocket-other-protocol"
    origin = _ORIGIN.fullmatch(asked.origin.lower())
    if origin is None or origin[2] not in origins or (asked.scheme == "https" and origin[1] != "https"):
        return key, "websocket-unknown-origin"
    return key, ""


class Browsers:
    """The connections, for one policy generation; only made where browsers are served."""

    def __init__(self, ksr: Ksr, door: WebSocket, refusals: Refusals) -> None:
        self._ksr = ksr
        self._door = door
        self._refusals = refusals
        self._received_on = ksr.kx.get_rcvip
        self._proto = ksr.kx.get_proto
        self._pv_get = ksr.pv.get
        self._sht_get = ksr.htable.sht_get
        self._set_source = ksr.corex.set_source_address

    def adopt(self) -> bool:
        """Give the current message its client's address as its source; False: it must go no further.

        The first thing that happens to every request and every reply.
        """
        if self._received_on() != self._door.address:
            return True
        client = self._sht_get(CLIENTS, str(self._pv_get(_CONNECTION))) if self._proto() == "ws" else None
        if client and self._set_source(str(client)) > 0:
            return True
        self._refusals.note("websocket-no-client", self._ksr.kx.get_srcip(), self._proto(), "", "")
        self._ksr.tcpops.tcp_close_connection()
        return False

    def pin(self, client: str) -> None:
        """Send the current request over the one connection of `client` (`address:port`). Raises FlowGoneError."""
        ksr = self._ksr
        connection, _, end = str(self._sht_get(CONNECTIONS, client) or "").partition("|")
        if not connection:
            raise FlowGoneError("flow-gone")
        # What Kamailio knows of the connection, and exactly this one, never a later one with that port.
        ksr.pv.sets("$du", f"sip:{end};transport=ws")
        ksr.tcpops.tcp_set_otcpid(int(connection))
        ksr.tcpops.tcp_set_otcpid_flag(1)

    def handshake(self) -> None:
        """An HTTP request came. Only what HAProxy passes on to its own listener is looked at."""
        ksr = self._ksr
        ksr.set_reply_close()
        ksr.set_reply_no_connect()
        if self._received_on() != self._door.address:
            self._refusals.note("http-on-sip-port", ksr.kx.get_srcip(), self._proto(), "", "")
            ksr.tcpops.tcp_close_connection()
            return
        values = str(self._pv_get(_UPGRADE_TEMPLATE)).split("\n")
        if len(values) != len(_UPGRADE):
            values = [""] * len(_UPGRADE)
        asked = Upgrade(*values)
        client, refused = judge(asked, self._door.origins)
        if refused:
            self._refusals.note(refused, client.rpartition(":")[0].strip("[]") or "-", "ws", asked.method, asked.origin)
            ksr.xhttp.xhttp_reply(403, "Forbidden", "", "")
            return
        self._open(client)

    def _open(self, client: str) -> None:
        ksr = self._ksr
        connection = str(self._pv_get(_CONNECTION))
        end = f"{self._pv_get('$si')}:{self._pv_get('$sp')}"
        # Before the handshake: the client may send as soon as it has the answer.
        ksr.htable.sht_sets(CLIENTS, connection, client)
        ksr.htable.sht_sets(CONNECTIONS, client, f"{connection}|{end}")
        # The engine takes its own answer for SIP and says in ten lines that it is none (topoh, each handshake).
        ksr.kex.setdebug(CRITICAL)
        done = ksr.websocket.handle_handshake() == 1
        ksr.kex.resetdebug()
        if done:
            # websocket:closed does not tell of a connection that ends without a closing frame.
            ksr.tcpops.tcp_enable_closed_event()
        else:
            self.forget()

    def forget(self) -> None:
        """The current connection is closed; told twice of most."""
        connection = str(self._pv_get(_CONNECTION))
        client = self._sht_get(CLIENTS, connection)
        if client is None:
            return
        self._ksr.htable.sht_rm(CLIENTS, connection)
        known = str(self._sht_get(CONNECTIONS, str(client)) or "")
        if known.partition("|")[0] == connection:
            self._ksr.htable.sht_rm(CONNECTIONS, str(client))
