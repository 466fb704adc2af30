"""Two services on one TCP port: which may share it, and which is told where they may not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Listen
    from voxgate.config.places import Places
    from voxgate.errors import Problem


class _Door(NamedTuple):
    """One port: its keys in the file, what people call the service, what helps where the port is another's."""

    service: str
    key: str
    name: str
    advice: str

    @property
    def port_of(self) -> str:
        """As it is written."""
        return f"listen.{self.service}.{self.key}"


_WEBSOCKET: Final = "give WebSocket a port of its own; wss is on 443 as a rule"
_HTTP: Final = "give one of them another port; wss may share the port of tls"
_LDAP: Final = "LDAP is on 389 and LDAPS on 636"
_H323: Final = "H.323 is on 1720, and on 1300 with TLS"
#: Who comes first has the port.
_DOORS: Final = (
    _Door("sip", "tcp", "SIP", ""),
    _Door("sip", "tls", "SIP", ""),
    _Door("sip", "wss", "WebSocket", _WEBSOCKET),
    _Door("sip", "ws", "WebSocket", _WEBSOCKET),
    _Door("http", "plain", "HTTP", _HTTP),
    _Door("http", "tls", "HTTP", _HTTP),
    _Door("ldap", "plain", "LDAP", _LDAP),
    _Door("ldap", "tls", "LDAP", _LDAP),
    _Door("h323", "plain", "H.323", _H323),
    _Door("h323", "tls", "H.323", _H323),
)
#: HAProxy tells them apart by the path.
_SHARE: Final = frozenset({("listen.sip.wss", "listen.http.tls"), ("listen.sip.ws", "listen.http.plain")})


def port_problems(listen: Listen, places: Places) -> Iterator[Problem]:
    """Every port that is asked for twice. A service's own two forms on one port are told elsewhere."""
    holders: dict[int, list[_Door]] = {}
    for door in _DOORS:
        section = getattr(listen, door.service)
        port = getattr(section, door.key) if section is not None else None
        if port is None:
            continue
        others = [one for one in holders.setdefault(port, []) if one.name != door.name or door.name == "WebSocket"]
        clash = next((one for one in others if (one.port_of, door.port_of) not in _SHARE), None)
        if clash:
            message = f"port {port} cannot serve {door.name} and {clash.port_of} both"
            yield places.problem(("listen", door.service, door.key), message, door.advice)
        holders[port].append(door)
