"""A STUN server on the lab's internet."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

from voxgate.wire import stun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.net import Net

SERVER = ("203.0.113.60", 3478)


@contextmanager
def stun_server(net: Net) -> Iterator[None]:
    """Tells whoever asks where the question came from."""
    sock = net.socket("provider", socket.AF_INET)
    sock.bind(SERVER)

    def serve() -> None:
        while data_from := sock.recvfrom(1500):
            data, (host, port) = data_from
            if data == b"end":
                return
            asked = stun.decode(data)
            seen = stun.Endpoint(ip_address(host), port)
            mapped = stun.address(stun.Attribute.XOR_MAPPED_ADDRESS, seen, asked.transaction)
            reply = stun.Message(stun.Method.BINDING, stun.Class.SUCCESS, asked.transaction, (mapped,))
            sock.sendto(stun.encode(reply), (host, port))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with net.socket("provider", socket.AF_INET) as end:
            end.sendto(b"end", SERVER)
        thread.join(5)
        sock.close()
