"""A browser as a phone: Debian's Chromium without a window, with the page in `lab/browser`.

The page is served to it under the name of a PBX, as a PBX would, from a server in the phone's own namespace; by the
same way it is told what to do and tells what happens. Only the key of the lab's certificate is trusted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import threading
import time
from array import array
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab import tones
from lab.peers.address import bracketed
from lab.phones.device import Account, PhoneError, State, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process
    from lab.tls import Identity
    from lab.tones import Heard

PAGES = Path(__file__).parents[1] / "browser"
FILES = {
    "/": ("phone.html", "text/html"),
    "/phone.js": ("phone.js", "text/javascript"),
    "/jssip.js": ("jssip.js", "text/javascript"),
}
STATES = {
    "registered": State.IDLE,
    "ringing": State.RINGING,
    "talking": State.TALKING,
    "idle": State.IDLE,
    "disconnected": State.OFF,
}
POLL_S = 20.0
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--autoplay-policy=no-user-gesture-required",
    # As for every page that may use the microphone: its candidates show real addresses.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


@dataclass(frozen=True, slots=True)
class Ice:
    """What the page gives its peer connections: STUN and TURN servers, and `relay` where only TURN may be used."""

    servers: tuple[Mapping[str, Any], ...] = ()
    policy: str = "all"


class Chromium:
    """Use as a context manager. ``edge_name`` is what the page calls the edge, ``page`` the host that it comes from."""

    def __init__(
        self, net: Net, account: Account, identity: Identity, *, edge_name: str, page: str = "", ice: Ice | None = None
    ) -> None:
        self.account = account
        self.events: list[tuple[str, str]] = []
        self._net = net
        self._identity = identity
        self._edge_name = edge_name
        self._page = page or account.domain
        self._ice = ice or Ice()
        self._commands: SimpleQueue[dict[str, str]] = SimpleQueue()
        self._samples = array("h")
        self._state = State.OFF
        self._media = ""
        self._server: _Server | None = None
        self._process: Process | None = None

    def __enter__(self) -> Self:
        """Serve the page and start the browser. Raises LabError, OSError."""
        self.account.folder.mkdir(parents=True, exist_ok=True)
        sock = self._net.socket(self.account.host, socket.AF_INET, socket.SOCK_STREAM)
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)
        self._server = _Server(sock, self._identity, self)
        threading.Thread(target=self._server.serve_forever, name="browser-pages", daemon=True).start()
        port = self._server.socket.getsockname()[1]
        rules = f"MAP {self._edge_name} {bracketed(self.account.edge.host)}, MAP {self._page} 127.0.0.1:{port}"
        argv = [
            "chromium",
            *SWITCHES,
            f"--user-data-dir={self.account.folder / 'profile'}",
            f"--host-resolver-rules={rules}",
            f"--ignore-certificate-errors-spki-list={_key_hash(self._identity.certificate)}",
            f"https://{self._page}/",
        ]
        env = {"HOME": str(self.account.folder), "XDG_RUNTIME_DIR": str(self.account.folder)}
        self._process = self._net.spawn(self.account.host, argv, log_path=self._log, env=env)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both."""
        if self._process is not None:
            self._process.stop(1)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def state(self) -> State:
        """Where it is now."""
        return self._state

    def register(self, timeout_s: float = 30) -> None:
        """Wait until the page is loaded, connected and registered. Raises PhoneError."""
        self.await_event("registered", timeout_s)

    def dial(self, user: str, timeout_s: float = 20) -> None:
        """Call a user of the own domain and wait for the answer. Raises PhoneError."""
        self.command("dial", user)
        self.wait(State.TALKING, timeout_s)

    def hangup(self, timeout_s: float = 10) -> None:
        """End the call and wait until it is over. Raises PhoneError."""
        self.command("hangup")
        self.wait(State.IDLE, timeout_s)

    def wait(self, state: State, timeout_s: float) -> None:
        """Wait until the phone is in that state. Raises PhoneError."""
        until(lambda: self._state is state, timeout_s, f"browser {state.value} (saw {self.events})", self._log)

    def talk(self, seconds: float, timeout_s: float = 20) -> None:
        """Let so much time pass, counted from when audio can flow: after ICE and DTLS. Raises PhoneError."""
        until(lambda: self._media == "connected", timeout_s, f"browser's media (saw {self.events})", self._log)
        time.sleep(seconds)

    def await_event(self, name: str, timeout_s: float, fact: str = "") -> None:
        """Wait until the page has told of it. Raises PhoneError."""

        def told() -> bool:
            return any(one == name and (not fact or fact == said) for one, said in self.events)

        try:
            until(told, timeout_s, f"browser: {name} {fact}", self._log)
        except PhoneError as exc:
            raise PhoneError(f"{exc}; saw {self.events}") from exc

    def command(self, name: str, fact: str = "") -> None:
        """Tell the page to do something: ``dial``, ``hangup``, ``hold``, ``resume``, ``leave``."""
        self._commands.put({"name": name, "fact": fact})

    def heard(self) -> Heard:
        """What it heard in its last call, to be asked after the call."""
        return tones.listen(self._samples)

    @property
    def _log(self) -> Path:
        return self.account.folder / "chromium.log"

    # -- what the page asks ------------------------------------------------------------------------

    def setup(self) -> dict[str, Any]:
        """How the page is to be set up."""
        account = self.account
        return {
            "url": f"wss://{self._edge_name}:{account.edge.port}/ws",
            "user": account.user,
            "domain": account.domain,
            "password": account.password,
            "tone_hz": account.tone_hz,
            "pc_config": {"iceServers": list(self._ice.servers), "iceTransportPolicy": self._ice.policy},
        }

    def next(self) -> dict[str, str]:
        """What to do next; nothing after a while, and the page asks again."""
        try:
            return self._commands.get(timeout=POLL_S)
        except Empty:
            return {"name": "", "fact": ""}

    def told(self, name: str, fact: str) -> None:
        """The page tells what happened."""
        self._state = STATES.get(name, self._state)
        self._media = {"media": fact, "idle": ""}.get(name, self._media)
        self.events.append((name, fact))

    def recorded(self, data: bytes) -> None:
        """The page gives what it heard in a call: 16-bit samples."""
        self._samples = array("h", data[: len(data) // 2 * 2])


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, sock: socket.socket, identity: Identity, phone: Chromium) -> None:
        super().__init__(sock.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate, identity.key)
        # The handshake belongs to the connection's own thread.
        self.socket = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self.phone = phone

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser drops connections as it likes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:  # the name is http.server's
        """The page, its setup, the next command."""
        if self.path == "/setup":
            self._answer(json.dumps(self.server.phone.setup()).encode(), "application/json")
        elif self.path == "/next":
            self._answer(json.dumps(self.server.phone.next()).encode(), "application/json")
        elif self.path in FILES:
            name, kind = FILES[self.path]
            self._answer((PAGES / name).read_bytes(), kind)
        else:
            self.send_error(404)

    def do_POST(self) -> None:  # the name is http.server's
        """What happened, what was heard."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/event":
            event = json.loads(body)
            self.server.phone.told(event["name"], event["fact"])
        else:
            self.server.phone.recorded(body)
        self._answer(b"", "text/plain")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: the events tell."""

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)


def _key_hash(certificate: Path) -> str:
    """The public key as Chromium's switch wants it: base64 of the SHA-256 of its SubjectPublicKeyInfo."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()
