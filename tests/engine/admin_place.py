"""What tests of the API share: a running edge that is administered, and clients on the hosts of its network."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
from httpcore._backends.sync import SyncStream

from lab.edge import Edge
from lab.net import Net
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC
from tests.engine.office import config, folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: The router in front of the edge passes it on.
PORT = 8080
URL = f"https://edge.example.com:{PORT}"
PASSWORD = "orange lamp river"  # noqa: S105
LISTEN = {"sip": {"udp": 5060}}


class _Hosts(httpcore.NetworkBackend):
    """Connects from one host of the lab, to one address."""

    def __init__(self, net: Net, host: str, address: str) -> None:
        self._net, self._host, self._address = net, host, address

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        connection = self._net.socket(self._host, socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect((self._address, port))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError from error
        return SyncStream(connection)


@dataclass
class Place:
    """An edge with an API."""

    net: Net
    edge: Edge
    folder: Path

    def client(self, token: str = "", *, source: str = "pbx-hq-a", timeout_s: float = 60) -> httpx.Client:
        """A client on the host `source` that believes the edge's own authority alone."""
        context = ssl.create_default_context(cafile=str(self.folder / "state/certificates/own/authority.pem"))
        address = EDGE_LAN if source.startswith("pbx") else EDGE_PUBLIC
        transport = httpx.HTTPTransport()
        transport._pool = httpcore.ConnectionPool(
            ssl_context=context, network_backend=_Hosts(self.net, source, address)
        )
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(transport=transport, base_url=URL, headers=headers, timeout=timeout_s)

    def token(self, role: str) -> str:
        """A new token, as the command line makes it."""
        return self.edge.command("token", "add", f"test-{role}", "--role", role).out.strip()

    def user(self, name: str, role: str) -> None:
        """A user with `PASSWORD`."""
        words = [*self.edge._command(), "user", "set", name, "--role", role, "--password-stdin"]
        done = self.net.run("edge", words, stdin=PASSWORD + "\n")
        assert done.code == 0, done.err

    def log_in(self, client: httpx.Client, name: str, password: str = PASSWORD) -> dict[str, Any]:
        """Log in; the client sends its CSRF token from now on."""
        answer = client.post("/api/v1/session", json={"user": name, "password": password})
        assert answer.status_code == 201, answer.text
        me: dict[str, Any] = answer.json()
        client.headers["X-CSRF-Token"] = me["csrf"]
        return me


@contextmanager
def running(**sections: object) -> Iterator[Place]:
    """All of it."""
    with ExitStack() as stack:
        where = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        admin = {"listen": f"0.0.0.0:{PORT}"}
        wanted = {"listen": LISTEN, "admin": admin, **sections}
        edge = stack.enter_context(Edge(net, where, config(**wanted)))
        edge.wait_for_log("admin_listens")
        try:
            yield Place(net, edge, where)
        except BaseException:
            print(edge.text()[-20_000:])
            raise
