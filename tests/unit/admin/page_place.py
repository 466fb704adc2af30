"""Pages without a network: the application as the server serves it, a desk that answers what a test says, browsers."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import httpx

from voxgate.admin import passwords
from voxgate.admin.access import User
from voxgate.admin.app import build
from voxgate.admin.audit import Audit
from voxgate.admin.bounds import Bounds
from voxgate.admin.doorman import Doorman
from voxgate.admin.page.site import Site
from voxgate.admin.roles import Role
from voxgate.admin.surroundings import Surroundings
from voxgate.config.load import Source, default_secrets, load_sources
from voxgate.supervise.control import Told
from voxgate.wire.control import StatusRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from voxgate.guard.observation import Observation
    from voxgate.wire.control import Request

URL = "http://edge.test"
PASSWORD = "orange lamp river"  # noqa: S105
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

STATUS: dict[str, Any] = {
    "overall": "ok",
    "reasons": [],
    "generation": 7,
    "engines": [
        {
            "name": "kamailio",
            "phase": "ready",
            "serving": True,
            "pid": 42,
            "since": "2026-01-02T03:00:00Z",
            "restarts": 0,
            "last_reason": "",
            "generation": 7,
        }
    ],
    "drift": [],
    "listeners": [],
    "media_ports": "10000-20000",
    "nodes": [],
    "trunks": [],
    "certificate": None,
    "certificates": [],
    "warnings": [],
}


@dataclass
class TestClock:
    """Time that passes when a test says so."""

    __test__ = False
    passed_s: float = 0.0

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s


@dataclass
class TestDesk:
    """Answers by the kind of the request, and remembers what was asked."""

    __test__ = False
    answers: dict[type, Callable[[Any], Told]] = field(
        default_factory=lambda: {StatusRequest: lambda _: Told(STATUS, "")}
    )
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def ask(self, request: Request, by: str) -> Told:
        self.asked.append((by, request))
        return self.answers[type(request)](request)


@dataclass
class Reports:
    """What the guard hears."""

    heard: list[Observation] = field(default_factory=list)

    def report(self, observation: Observation, /) -> None:
        self.heard.append(observation)


class Place:
    """The application with users `alice` (admin), `otto` (operator), `rita` (read-only)."""

    def __init__(self, folder: Path, *, users: bool = True, config: Any = None, **more: Any) -> None:
        numbers = itertools.count(1)
        self.clock, self.desk, self.reports = TestClock(), TestDesk(), Reports()
        self.main = folder / "voxgate.yaml"
        self.around = Surroundings(
            desk=self.desk,
            clock=self.clock,
            reports=self.reports,
            config=lambda: cast("Any", config or _NoAdmin()),
            generation=lambda: 7,
            main=lambda: self.main,
            folder=folder / "state" / "admin",
            random=lambda size: next(numbers).to_bytes(size, "big"),
            version="1.2.3",
            audit=Audit(folder / "state" / "admin", self.clock),
            **more,
        )
        self.around.folder.mkdir(parents=True)
        self.door = Doorman(self.around)
        if users:
            kept = _kept()
            roles = {"alice": Role.ADMIN, "otto": Role.OPERATOR, "rita": Role.READ_ONLY}
            made = tuple(User(name=name, role=role, password=kept, changed=0) for name, role in roles.items())
            self.door.access.change(lambda access: (access.model_copy(update={"users": made}), None))
        self.site = Site(build(self.around, self.door))
        self.app = Bounds(self.site)

    @asynccontextmanager
    async def browser(self, user: str = "", address: str = "192.0.2.7") -> AsyncIterator[httpx.AsyncClient]:
        """A browser, logged in as `user`; it sends the session's CSRF token with each form of its own accord."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 50000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            if user:
                found = self.door.access.now().user(user)
                assert found is not None
                key, session = self.door.sessions.begin(user, found.role, self.clock.wall().timestamp())
                client.cookies.set("voxgate", key, domain="edge.test")
                client.headers["X-CSRF-Token"] = session.csrf
            yield client


@cache
def _kept() -> str:
    """Of `PASSWORD`; once, for it takes its time."""
    return passwords.hashed(PASSWORD, bytes)


class _NoAdmin:
    admin = None


def configured(folder: Path, text: str, **more: Any) -> Place:
    """A place whose main file holds `text`, which runs; `more` of the surroundings."""
    main = folder / "voxgate.yaml"
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    for name in ("carrier",):
        (secrets / name).write_text("word")
        (secrets / name).chmod(0o600)
    main.write_text(text)
    loaded = load_sources((Source(str(main), text),), default_secrets(main), START)
    return Place(folder, config=loaded.config, **more)
