"""Live parts of pages: sent when they change, made once for all, counted, and over with the session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.page_place import Place
from voxgate.admin.page import streams
from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(what())  # type: ignore[arg-type]


async def events(place: Place, feed: streams.Feed, most: int, alive: Callable[[], bool]) -> list[bytes]:
    found: list[bytes] = []
    async for one in place.site.streams.events(feed, alive):
        found.append(one)
        if len(found) == most:
            break
    return found


def counting(answers: list[Any]) -> streams.Feed:
    made = iter(answers)

    async def make(_: object) -> dict[str, object]:
        answer = next(made)
        if isinstance(answer, Exception):
            raise answer
        return {"words": answer}

    return streams.Feed("count", make, period_s=0.01)


def with_feed(place: Place, feed: streams.Feed) -> Place:
    place.site.streams = streams.Streams(place.around, (feed,))
    return place


def test_a_stream_sends_what_changed_and_says_when_nobody_can_be_asked(place: Place) -> None:
    feed = counting(["a\nb", "a\nb", HostError("gone", ""), {"x": 1}])
    with_feed(place, feed)

    def alive() -> bool:
        place.clock.passed_s += 1
        return True

    found = asyncio.run(events(place, feed, 4, alive))
    assert found == [
        b"retry: 3000\n\n",
        b"event: words\ndata: a\ndata: b\n\n",
        b"event: trouble\ndata: gone\n\n",
        b'event: words\ndata: {"x": 1}\n\n',
    ]


def test_a_stream_ends_with_its_session_and_with_the_server(place: Place) -> None:
    feed = counting(["a"] * 9)
    with_feed(place, feed)
    assert asyncio.run(events(place, feed, 9, lambda: False))[-1] == b"event: over\ndata: \n\n"

    def alive() -> bool:
        place.site.streams.end()
        return True

    assert len(asyncio.run(events(place, feed, 9, alive))) == 2


def test_many_who_watch_cost_what_one_does(place: Place) -> None:
    feed = counting(["a"])
    with_feed(place, feed)

    async def watch() -> list[list[bytes]]:
        return await asyncio.gather(*(events(place, feed, 2, lambda: True) for _ in range(50)))

    assert all(len(one) == 2 for one in asyncio.run(watch()))


def test_what_is_dear_is_made_less_often(place: Place) -> None:
    made = []

    async def make(_: object) -> dict[str, object]:
        place.clock.passed_s += 0.5
        made.append(place.clock.passed_s)
        return {}

    feed = streams.Feed("dear", make, period_s=2)
    with_feed(place, feed)

    async def watch() -> None:
        while place.clock.passed_s < 30:
            await place.site.streams.parts(feed)
            place.clock.passed_s += 1

    asyncio.run(watch())
    assert made == [0.5, 11.0, 21.5]


def test_who_only_watches_is_logged_out_in_the_end(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("rita") as browser:
            key = browser.cookies["voxgate"]
            place.clock.passed_s += 29 * 60
            assert place.door.is_in(key)
            place.clock.passed_s += 2 * 60
            assert not place.door.is_in(key)
            assert (await browser.get("/live/overview")).status_code == 303

    run(visit)


def test_streams_are_counted(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("rita") as browser:
            held = place.site.streams.held
            held[browser.cookies["voxgate"]] = streams.MOST_OF_A_SESSION
            assert (await browser.get("/live/overview")).status_code == 503
            held.clear()
            held["others"] = streams.MOST
            assert (await browser.get("/live/overview")).status_code == 503
            assert (await browser.get("/live/nothing")).status_code == 404

    run(visit)
