"""What tests of WebSocket share: a connection on which anything may be sent, and what a browser would send."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, Self

from lab.peers.websocket import new_key, upgrade
from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    from tests.engine.office import Office

LISTEN = {"sip": {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443, "ws": 8080}}


def head(method: str, user: str, number: int = 1) -> bytes:
    """A REGISTER or OPTIONS as a browser writes it."""
    uri = "sip:example.com"
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK{user}{number}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{user}@example.com>;tag=1\r\nTo: <sip:{user}@example.com>\r\nCall-ID: {user}\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:{user}@x.invalid;transport=ws>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class Raw:
    """A connection on which anything may be sent, from `host`."""

    def __init__(self, place: Office, port: int, *, tls: bool, host: str = "phone-home", before: bytes = b"") -> None:
        address = "127.88.0.1" if host == "edge" else EDGE_PUBLIC
        plain = place.net.socket(host, socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(10)
        plain.connect((address, port))
        self.sock: socket.socket = plain
        if before:
            plain.sendall(before)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(plain, server_hostname="example.com")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def say(self, data: bytes) -> bytes:
        """What comes back first; empty: the connection was closed."""
        try:
            self.sock.sendall(data)
            return self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return b""

    def ends(self, patience_s: float = 6) -> bool:
        """Whether the other side closes the connection, in time."""
        # HAProxy itself would end an idle connection after ten seconds.
        self.sock.settimeout(patience_s)
        try:
            while self.sock.recv(65536):
                pass
        except TimeoutError:
            return False
        except (ConnectionError, ssl.SSLError):
            pass
        return True


def tables(place: Office) -> tuple[int, int]:
    """How many connections Kamailio knows clients of, and the other way round."""
    clients, connections = (
        place.edge.kamailio("htable.dump", name).out.count("value:") for name in ("ws_client", "ws_connection")
    )
    return clients, connections


def asked(origin: str = "https://example.com", **more: Any) -> bytes:
    return upgrade("example.com", new_key(), origin=origin, **more)
