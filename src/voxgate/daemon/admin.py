"""The API and the web page: a web server in a thread of its own, and its one way to the edge."""

from __future__ import annotations

import asyncio
import logging
import os
from importlib import metadata
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from voxgate.admin.access import AccessFile, offered_setup
from voxgate.admin.app import build
from voxgate.admin.attempts import requester
from voxgate.admin.audit import Audit
from voxgate.admin.bounds import Bounds
from voxgate.admin.doorman import Doorman
from voxgate.admin.page.site import Site
from voxgate.admin.protocol import Gate
from voxgate.admin.server import Wanted, WebServer
from voxgate.admin.surroundings import Surroundings
from voxgate.daemon.part import Part
from voxgate.errors import HostError
from voxgate.firewall.openings import openings
from voxgate.host import files
from voxgate.supervise.control import Caller
from voxgate.supervise.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.types import ASGIApp

    from voxgate.certs.store import Shown
    from voxgate.config.model import Config
    from voxgate.engines.base import Places
    from voxgate.guard.observation import Observation, Reports
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.supervise.control import Told
    from voxgate.supervise.deeds import Deed, Ending
    from voxgate.wire.control import Request

log = logging.getLogger(__name__)

FOLDER: Final = "admin"
#: Questions to the edge at once; the others wait in the server's thread.
_MOST_AT_ONCE: Final = 8
_AGAIN_AFTER_S: Final = 5.0


class Bridge:
    """From the server's thread to the edge's loop: what is asked there is carried out here, and finished."""

    def __init__(self, carry_out: Callable[[Request, Caller], Awaitable[Told]], reports: Reports) -> None:
        self._carry_out = carry_out
        self._reports = reports
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)

    def begin(self) -> None:
        """In the server's loop: its own bound, for a loop's lock is of no use to the next one."""
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)

    def open(self) -> None:
        """In the edge's loop: from now on there is one."""
        self._loop = asyncio.get_running_loop()

    async def ask(self, request: Request, by: str) -> Told:
        """See `surroundings.Desk`."""
        if self._loop is None:
            raise HostError("Voxgate is starting", "ask again in a moment")
        async with self._room:
            given = asyncio.run_coroutine_threadsafe(self._answer(request, by), self._loop)
            return await asyncio.shield(asyncio.wrap_future(given))

    async def _answer(self, request: Request, by: str) -> Told:
        return await self._carry_out(request, Caller(by, lambda _: None))

    def report(self, observation: Observation, /) -> None:
        """Tell the guard, which lives in the edge's loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._reports.report, observation)


class Administration:
    """The web server and what it needs."""

    def __init__(
        self,
        places: Places,
        clock: Clock,
        bridge: Bridge,
        *,
        main: Callable[[], Path],
        certificate: Callable[[Config], Shown],
    ) -> None:
        self._bridge = bridge
        self._certificate = certificate
        self._desired: Desired | None = None
        self._site: Site | None = None
        self._around = Surroundings(
            desk=bridge,
            clock=clock,
            reports=bridge,
            config=lambda: self._runs().config,
            generation=lambda: self._runs().generation,
            main=main,
            folder=places.state / FOLDER,
            random=os.urandom,
            version=metadata.version("voxgate"),
            audit=Audit(places.state / FOLDER, clock),
            openings=lambda: openings(self._runs()),
        )
        gate = Gate(self._may_connect, requester)
        self._server = WebServer(
            self._app, gate, places.run / FOLDER / "pair.pem", leaving=self._leaving, beside=self._measure
        )

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(serve=(self._serve,), applied=self._applied, panels=self._panels)

    def audit(self, by: str, deed: Deed, ending: Ending) -> None:
        """Write down what somebody changed, whichever way it came; without an API, too."""
        files.ensure_folder(self._around.folder, mode=0o700)
        self._around.audit.write(
            by, deed.action, deed.target, result=ending.result, detail=ending.detail, generation=ending.generation
        )

    def _app(self) -> ASGIApp:
        self._bridge.begin()
        self._site = Site(build(self._around, Doorman(self._around)))
        return Bounds(self._site)

    def _leaving(self) -> None:
        """Pages that watch would hold the server up."""
        if self._site is not None:
            self._site.streams.end()

    async def _measure(self) -> None:
        if self._site is not None:
            await self._site.measure()

    async def _serve(self) -> None:
        self._bridge.open()
        try:
            while True:
                try:
                    await asyncio.to_thread(asyncio.run, self._server.run())
                except Exception:
                    log.error("admin_failed", exc_info=True)
                await asyncio.sleep(_AGAIN_AFTER_S)
        finally:
            self._server.end()

    def _runs(self) -> Desired:
        if self._desired is None:
            raise HostError("Voxgate is starting", "ask again in a moment")
        return self._desired

    def _applied(self, desired: Desired) -> None:
        self._desired = desired
        admin = desired.config.admin
        if admin is None:
            self._server.want(None)
            return
        pem = None
        if admin.https:
            shown = self._certificate(desired.config)
            pem = shown.certificate.rstrip() + b"\n" + shown.key
        self._server.want(Wanted(admin.listen, pem))
        self._offer_setup()

    def _offer_setup(self) -> None:
        """Who reads the log, or may call the command line, makes the first administrator."""
        access = AccessFile(self._around.folder)
        if not access.now().users and access.now().setup is None:
            now_s = self._around.clock.wall().timestamp()
            token = access.change(lambda kept: offered_setup(kept, now_s, self._around.random))
            log.warning("admin_set_up_once token=%s", token)

    def _may_connect(self, address: str) -> bool:
        admin = self._runs().config.admin
        if admin is None:
            return False
        source = ip_address(address.partition("%")[0])
        source = getattr(source, "ipv4_mapped", None) or source
        return not admin.allow_from or source.is_loopback or any(source in network for network in admin.allow_from)

    def _panels(self, desired: Desired) -> tuple[Panel, ...]:
        admin = desired.config.admin
        if admin is None:
            return ()
        row = (str(admin.listen), "HTTPS" if admin.https else "HTTP", self._server.standing or "served")
        data = {"listen": str(admin.listen), "https": admin.https, "problem": self._server.standing or None}
        flaws = (f"web page and API: {self._server.standing}",) if self._server.standing else ()
        return (Panel("admin", ("web page and API", "over", "state"), (row,), (data,), flaws),)
