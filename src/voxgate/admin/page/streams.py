"""Live parts of pages: server-sent events (WHATWG HTML, section 9.2).

A feed makes its parts at most once in its period, however many watch, and not at all while nobody does. A stream sends
what has changed since it sent last; who reads slowly misses what lay between. Streams are counted: of all, and of each
session. A stream ends with its session; that somebody watches does not keep a session alive.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import StreamingResponse

from voxgate.admin.auth import door_of, session_key
from voxgate.admin.page.visitors import Looker
from voxgate.admin.problems import ApiError
from voxgate.admin.roles import Role, may
from voxgate.admin.surroundings import Surroundings
from voxgate.errors import VoxgateError

router = APIRouter()

MOST: Final = 64
MOST_OF_A_SESSION: Final = 8
#: A proxy, or a mobile network, forgets a connection on which nothing moves.
QUIET_S: Final = 15.0
#: What a feed may take of the time, in parts: on an edge where it is dear, it is made less often.
SHARE: Final = 20


@dataclass(frozen=True, slots=True)
class Feed:
    """`make` gives the parts by their names: HTML from `frame.drawn`, the same for everybody who has `role`.

    What is not text goes as JSON. Raises VoxgateError when there is nothing to show now.
    """

    name: str
    make: Callable[[Surroundings], Awaitable[dict[str, object]]]
    period_s: float = 2.0
    role: Role = Role.READ_ONLY


@dataclass(slots=True)
class _Made:
    parts: dict[str, str] = field(default_factory=dict)
    until_s: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Streams:
    """Everybody who watches, and what they see."""

    def __init__(self, around: Surroundings, feeds: tuple[Feed, ...]) -> None:
        self.feeds = {feed.name: feed for feed in feeds}
        self.held: Counter[str] = Counter()
        self._around = around
        self._made = {feed.name: _Made() for feed in feeds}
        self._ending = asyncio.Event()

    def end(self) -> None:
        """All streams end: the server is about to stop, or to move to another port."""
        self._ending.set()
        self._ending = asyncio.Event()

    def require_room(self, session: str) -> None:
        """Raises ApiError when there is none for one more."""
        if self.held.total() >= MOST or self.held[session] >= MOST_OF_A_SESSION:
            raise ApiError(503, "too many pages watch", "close some of them", {"Retry-After": "30"})

    def enter(self, session: str) -> None:
        """One more."""
        self.held[session] += 1

    def leave(self, session: str) -> None:
        """One is gone."""
        self.held[session] -= 1
        if self.held[session] <= 0:
            del self.held[session]

    async def parts(self, feed: Feed) -> dict[str, str]:
        """What the feed shows now, no older than its period where it is cheap."""
        made = self._made[feed.name]
        async with made.lock:
            began_s = self._around.clock.monotonic()
            if began_s >= made.until_s:
                found = await feed.make(self._around)
                made.parts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in found.items()}
                now_s = self._around.clock.monotonic()
                made.until_s = now_s + max(feed.period_s, SHARE * (now_s - began_s))
            return made.parts

    async def events(self, feed: Feed, alive: Callable[[], bool]) -> AsyncIterator[bytes]:
        """What goes over the wire, until the session ends or the server does."""
        ending, sent, quiet_s = self._ending, dict[str, str](), 0.0
        yield b"retry: 3000\n\n"
        while not ending.is_set():
            if not alive():
                yield event("over", "")
                return
            parts = await self._now(feed)
            for name, text in parts.items():
                if sent.get(name) != text:
                    yield event(name, text)
                    quiet_s = 0.0
            sent |= parts
            if quiet_s >= QUIET_S:
                yield b":\n\n"
                quiet_s = 0.0
            try:
                async with asyncio.timeout(feed.period_s):
                    await ending.wait()
            except TimeoutError:
                quiet_s += feed.period_s

    async def _now(self, feed: Feed) -> dict[str, str]:
        try:
            return await self.parts(feed)
        except VoxgateError as error:
            return {"trouble": str(error).partition("\n")[0]}


def event(name: str, text: str) -> bytes:
    """One event; a line of the text is a line of its data."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n".encode()


@router.get("/live/{name}", include_in_schema=False)
async def live(request: Request, caller: Looker, name: Annotated[str, Path(max_length=40)]) -> StreamingResponse:
    """The feed of that name, for as long as the browser listens."""
    streams: Streams = request.app.state.streams
    feed = streams.feeds.get(name)
    if feed is None:
        raise ApiError(404, "there is no such feed")
    if not may(caller.role, feed.role):
        raise ApiError(403, f"this needs the role {feed.role}")
    key, door = session_key(request), door_of(request)

    async def watched() -> AsyncIterator[bytes]:
        streams.enter(key)
        try:
            async for one in streams.events(feed, lambda: door.is_in(key)):
                yield one
        finally:
            streams.leave(key)

    streams.require_room(key)
    # Kept from being packed or held back on its way.
    return StreamingResponse(watched(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def first(request: Request, name: str) -> dict[str, str]:
    """The parts of a feed, for a page that is opened now. Raises VoxgateError."""
    streams: Streams = request.app.state.streams
    return await streams.parts(streams.feeds[name])
