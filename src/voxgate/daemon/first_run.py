"""The first run: no configuration is there, and a page asks for one; then the edge starts with it.

Served on every address of this machine: plain HTTP on the loopback ones, HTTPS with a certificate for this run alone on
the others, whose fingerprint stands on the console beside the address. Nothing can be done without the one-time token
that stands there, too. Where the console is systemd's journal, which others than root may read, `voxgate setup` alone
tells them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import signal
import sys
from dataclasses import dataclass
from importlib import metadata
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import yaml
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from fastapi import FastAPI

from voxgate.admin import starting, tokens
from voxgate.admin.attempts import requester
from voxgate.admin.audit import Audit
from voxgate.admin.bounds import Bounds
from voxgate.admin.doorman import Doorman
from voxgate.admin.invitation import KEPT, MODE, Invitation
from voxgate.admin.page import assets, first, mistakes
from voxgate.admin.page.first import FirstRun
from voxgate.admin.protocol import Gate
from voxgate.admin.server import Wanted, WebServer
from voxgate.admin.surroundings import Surroundings
from voxgate.certs import authority
from voxgate.config.admin import Admin, Endpoint
from voxgate.config.load import Source
from voxgate.errors import HostError, VoxgateError
from voxgate.host import files, ports
from voxgate.host.console import is_journal
from voxgate.host.facts import read_facts
from voxgate.supervise import notify

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from voxgate.config.model import Config
    from voxgate.engines.base import Places
    from voxgate.guard.observation import Observation
    from voxgate.host.clock import Clock
    from voxgate.supervise.control import Told
    from voxgate.supervise.verbs import Reading
    from voxgate.wire.control import Request

log = logging.getLogger(__name__)

PORT: Final = Admin().listen.port
_MODE: Final = 0o640
#: Some answers' time to reach the browser.
_GRACE_S: Final = 0.5
_BEAT_S: Final = 5.0
#: As long as systemd gives a start: no watchdog is answered until the engines serve.
_START_S: Final = 120.0


def needed(path: Path) -> bool:
    """Whether there is nothing at `path`, nor beside it, that configures anything."""
    if any(path.parent.glob("conf.d/*.yaml")):
        return False
    try:
        return not path.exists() or yaml.safe_load(path.read_text("utf-8")) is None
    except (OSError, ValueError, yaml.YAMLError):
        return False  # what is wrong with it is told by who reads it


@dataclass(frozen=True, slots=True)
class _Nobody:
    """The edge, which is not there yet."""

    async def ask(self, request: Request, by: str) -> Told:
        """See `surroundings.Desk`."""
        del request, by
        raise HostError("there is no configuration yet", "make the first one")

    def report(self, observation: Observation, /) -> None:
        """There is no guard yet; attempts are bounded by the page itself."""


class Asking:
    """Asks until there is a configuration, as often as the edge does not start with it."""

    def __init__(self, path: Path, places: Places, clock: Clock, reading: Reading) -> None:
        self._path = path
        self._clock = clock
        self._reading = reading
        self._places = places
        self._notifier = notify.from_environment(os.environ, os.getpid())
        self._token, digest = tokens.made(os.urandom)[1:]
        self._saved = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.run = FirstRun(digest, read_facts, self._check, self._save)
        self._around = Surroundings(
            desk=_Nobody(),
            clock=clock,
            reports=_Nobody(),
            config=_no_config,
            generation=lambda: 0,
            main=lambda: path,
            folder=places.state / "admin",
            random=os.urandom,
            version=metadata.version("voxgate"),
            audit=Audit(places.state / "admin", clock),
        )

    async def ask(self) -> bool:
        """Whether there is a configuration now; False: told to end."""
        files.ensure_folder(self._around.folder, mode=0o700)
        self._saved, stop = asyncio.Event(), asyncio.Event()
        self.run.saved = False
        loop = self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        pem = self._pem()
        servers = [self._server(number, endpoint, pem) for number, endpoint in enumerate(_endpoints())]
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(server.run())
            self._tell(pem)
            ends = [group.create_task(one.wait()) for one in (self._saved, stop)]
            beats = group.create_task(self._heartbeat())
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                await asyncio.sleep(_GRACE_S)
            for server in servers:
                server.end()
            for one in (*ends, beats):
                one.cancel()
        files.remove(self._places.run / KEPT)
        self._notifier.patience(_START_S)
        return not stop.is_set()

    async def _heartbeat(self) -> None:
        """For systemd's watchdog: to wait for a person is no hanging."""
        while True:
            self._notifier.watchdog()
            await asyncio.sleep(min(self._notifier.watchdog_s or _BEAT_S, _BEAT_S))

    def failed(self, reason: str) -> None:
        """The edge did not start with it: the file is put aside, and the page asks again."""
        aside = self._path.with_name(f"{self._path.name}.not-started")
        self._path.replace(aside)
        log.error("first_configuration_put_aside file=%s reason=%s", aside, reason)
        self.run.failed = f"The edge did not start: {reason}"

    def _check(self, text: str) -> None:
        """As `voxgate check` and `voxgate plan` do. Raises VoxgateError."""
        loaded = self._reading.load_sources(self._path, (Source(str(self._path), text),))
        desired = self._reading.desire(loaded.config, self._reading.history.next_generation())
        for one in (one for state in desired.engines for one in state.listeners):
            if ports.is_taken(one.proto, one.address, one.port):
                who = ports.holder(one.proto, one.port) or "another program"
                raise HostError(f"port {one.port} ({one.purpose}) is held by {who}", "stop it: Voxgate needs the port")

    def _save(self, text: str) -> None:
        """In a thread."""
        if not needed(self._path):
            raise HostError(f"{self._path} was written meanwhile", "start Voxgate anew")
        if not self._path.parent.exists():
            files.ensure_folder(self._path.parent, mode=0o755)
        files.write(self._path, text.encode(), mode=_MODE)
        self.run.saved = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._saved.set)

    def _server(self, number: int, endpoint: Endpoint, pem: bytes) -> WebServer:
        gate = Gate(lambda _: True, requester, most=64, most_of_one=16)
        server = WebServer(self._app, gate, self._places.run / "admin" / f"first-{number}.pem")
        server.want(Wanted(endpoint, None if endpoint.address.is_loopback else pem))
        return server

    def _app(self) -> ASGIApp:
        app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        app.state.around = self._around
        app.state.door = Doorman(self._around)
        app.state.places = ()
        app.state.first_run = self.run
        app.include_router(assets.router)
        app.include_router(first.router)
        mistakes.install(app)
        return Bounds(app)

    def _pem(self) -> bytes:
        signer = authority.establish("first run", self._clock.wall())
        chain, key = signer.sign(("voxgate",), self._clock.wall())
        return chain.rstrip() + b"\n" + key

    def _tell(self, pem: bytes) -> None:
        """On the console, to root, and to systemd."""
        digest = hashlib.sha256(load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).hexdigest().upper()
        schemes = (("http" if one.address.is_loopback else "https", one) for one in _endpoints())
        addresses = tuple(f"{scheme}://{one}/setup?token={self._token}" for scheme, one in schemes)
        told = Invitation(str(self._path), addresses, _grouped(digest))
        files.write(self._places.run / KEPT, json.dumps(told.to_json()).encode(), mode=MODE)
        if is_journal(sys.stdout.fileno(), os.environ):
            print(f"There is no configuration in {self._path} yet. As root, `voxgate setup` tells where to make it")
            print("with a browser; or write it by `voxgate init`, then: systemctl restart voxgate", flush=True)
        else:
            print(f"\n{told}\n", flush=True)
        self._notifier.ready("waits for a first configuration: voxgate setup")


def _grouped(digest: str) -> str:
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _endpoints() -> tuple[Endpoint, ...]:
    """Loopback first, then every address that others can reach."""
    try:
        found = [one for interface in starting.usable(read_facts()) for one in starting.addresses(interface)]
    except VoxgateError:
        found = []
    return tuple(Endpoint(ip_address(one), PORT) for one in ("127.0.0.1", *dict.fromkeys(found)))


def _no_config() -> Config:
    raise HostError("there is no configuration yet", "make the first one")
