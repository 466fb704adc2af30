"""What tests of HTTP share: an office whose PBXs have web servers, and clients that send what they are told to."""

from __future__ import annotations

import json
import socket
import ssl
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.topologies import EDGE_PUBLIC
from lab.webpbx import WebPbx
from tests.engine.office import BRANCH, HQ, Config, Office, config, office

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HQ_B = "192.168.1.21"
HTTP = {"plain": 80, "tls": 443}
LISTEN = {"sip": {"udp": 5060}, "http": HTTP}


def web_config(**hq: object) -> Config:
    """`hq.example.com` is the PBX hq, `branch.example.com` the PBX branch; `hq` are keys of hq's `http`."""
    # These clients are suspicious by trade.
    made = config(listen=LISTEN, guard={"suspicious_per_minute": 10_000})
    allowed = {"plain": 80, "allow_urls": ["@innovaphone-mypbx", "/provisioning/", "/status", "/a%20b"]}
    made["pbxs"]["hq"] = {"names": ["hq.example.com", "example.com/hq"], "nodes": [HQ], "http": {**allowed, **hq}}
    http = {"plain": 8080, "allow_urls": "@everything"}
    made["pbxs"]["branch"] = {"names": ["branch.example.com"], "nodes": [BRANCH], "http": http}
    return made


@dataclass
class WebOffice:
    """An office and its PBXs' web servers."""

    office: Office
    hq: WebPbx
    branch: WebPbx

    def get(self, host: str, path: str = "/PBX0/MY", **how: Any) -> Answer:
        """Ask once, as a browser would."""
        return ask(self.office, head(host, path), **how)

    def logged(self, count: int = 1, **fields: object) -> list[dict[str, Any]]:
        """Lines of the access log with these fields; waits for `count` of them."""
        log = self.office.folder / "state" / "access.log"

        def found() -> list[dict[str, Any]]:
            # The last line may be on its way.
            whole = log.read_text().rpartition("\n")[0] if log.exists() else ""
            lines = [json.loads(line) for line in whole.splitlines()]
            return [line for line in lines if fields.items() <= line.items()]

        wait(lambda: len(found()) >= count, f"{count} lines with {fields}")
        return found()


def wait(holds: Any, what: str, seconds: float = 10) -> None:
    """Until it holds."""
    for _ in range(round(seconds / 0.02)):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


@contextmanager
def web_office(first: Config | None = None) -> Iterator[WebOffice]:
    """All of it, running."""
    with ExitStack() as stack:
        place = stack.enter_context(office(first or web_config()))
        servers = [
            stack.enter_context(WebPbx(place.net.maker(host), name, address, port))
            for host, name, address, port in (("pbx-hq-a", "hq", HQ, 80), ("pbx-branch", "branch", BRANCH, 8080))
        ]
        yield WebOffice(place, *servers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is 0 when the connection was closed without a word."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """What the PBX's web server says it was asked."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def head(host: str, path: str, *more: str, method: str = "GET") -> bytes:
    """A request without a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connect(
    place: Office,
    *,
    tls: bool = True,
    source: str = "phone-home",
    address: str = EDGE_PUBLIC,
    port: int = 0,
    **how: Any,
) -> socket.socket:
    """A connection to the edge; `how` goes to `context`, and `name` is what TLS asks for."""
    name = how.pop("name", "hq.example.com")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    plain = place.net.socket(source, family, socket.SOCK_STREAM)
    plain.settimeout(12)
    plain.connect((address, port or (443 if tls else 80)))
    return context(**how).wrap_socket(plain, server_hostname=name) if tls else plain


def context(
    *, version: ssl.TLSVersion | None = None, alpn: str = "http/1.1", certificate: tuple[Path, Path] | None = None
) -> ssl.SSLContext:
    """A client that verifies nothing."""
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_alpn_protocols([alpn])
    if version:
        made.set_ciphers("DEFAULT:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        made.maximum_version = version
    if certificate:
        made.load_cert_chain(*certificate)
    return made


def ask(place: Office, request: bytes, **how: Any) -> Answer:
    """Send octets on a connection of their own and read one answer."""
    with connect(place, **how) as sock:
        sock.sendall(request)
        return read(sock)


def read(sock: socket.socket) -> Answer:
    """One answer with Content-Length, or all that comes before the connection ends."""
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            if not (part := sock.recv(65536)):
                break
            data += part
        start, _, body = data.partition(b"\r\n\r\n")
        if not start.startswith(b"HTTP/1.1 "):
            return Answer(0, {}, b"")
        line, *rest = start.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        while len(body) < int(headers.get("content-length", "0")):
            if not (part := sock.recv(65536)):
                break
            body += part
    except (ConnectionError, ssl.SSLError):
        return Answer(0, {}, b"")
    return Answer(int(line.split(" ")[1]), headers, body)
