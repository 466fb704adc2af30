"""Lists of others: read, refreshed, and the last good copy when they are away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.world import FakeClock, net
from voxgate.config.guard import Feed
from voxgate.errors import HostError
from voxgate.guard.feeds import WIDEST, Feeds
from voxgate.guard.lists import Entry, ListError, line_of, read_feed, read_list

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.guard.networks import Network

LIST = b"; a comment\r\n203.0.113.9 # one\r\n\r\n198.51.100.0/24 ; SBL1\r\n2001:db8::1\r\n"
HELD = frozenset({net("203.0.113.9/32"), net("198.51.100.0/24"), net("2001:db8::1/128")})


def test_the_forms_that_are_published_are_read() -> None:
    assert read_feed(LIST, WIDEST) == HELD


def test_networks_that_are_too_wide_are_left_out() -> None:
    assert read_feed(b"0.0.0.0/0\n8.0.0.0/7\n::/0\n10.0.0.0/8\n", WIDEST) == frozenset({net("10.0.0.0/8")})


@pytest.mark.parametrize("content", [b"<html>\n" * 12, b"a\n" * 12, b"\x00\xff\n" * 12])
def test_an_error_page_is_no_list(content: bytes) -> None:
    with pytest.raises(ListError):
        read_feed(content, WIDEST)


@given(st.binary(max_size=2000))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    for read in (read_list, lambda text: read_feed(text, WIDEST)):
        with suppress(ListError):
            read(content)


def test_an_entry_is_read_as_it_was_written() -> None:
    until = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    for entry in (Entry(net("203.0.113.9/32"), until, "a note"), Entry(net("2001:db8::/64"), None, "x")):
        assert read_list(line_of(entry.network, entry.until, entry.note).encode()) == (entry,)


class World:
    """Feeds, a web that answers with `answer`, and what was taken last."""

    def __init__(self, folder: Path) -> None:
        self.answer: bytes | HostError = LIST
        self.clock = FakeClock()
        self.folder = folder
        self.taken: dict[str, frozenset[Network]] = {}
        self.restart()

    def restart(self) -> None:
        self.feeds = Feeds(self.folder, self.clock, self.taken.__setitem__, self.get)
        self.feeds.follow({"bad": Feed(source="https://lists.example.com/bad.txt", refresh_minutes=60)})

    def get(self, url: str) -> bytes:
        assert url == "https://lists.example.com/bad.txt"
        if isinstance(self.answer, HostError):
            raise self.answer
        return self.answer

    def step(self) -> None:
        asyncio.run(self.feeds.refresh_due())


def test_a_feed_is_read_at_once_and_then_when_it_is_due(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.step()
    assert world.taken == {"bad": HELD}
    world.answer = b"203.0.113.9\n"
    world.clock.move(minutes=59)
    world.step()
    assert world.taken == {"bad": HELD}
    world.clock.move(minutes=1)
    world.step()
    assert world.taken == {"bad": frozenset({net("203.0.113.9/32")})}


@pytest.mark.parametrize("answer", [HostError("away", ""), b"<html>\n" * 12])
def test_the_last_good_list_holds_also_over_a_restart(tmp_path: Path, answer: bytes | HostError) -> None:
    world = World(tmp_path)
    world.step()
    world.answer = answer
    world.clock.move(minutes=60)
    world.step()
    assert world.taken == {"bad": HELD}
    assert world.feeds.states()["bad"].problem
    world.taken.clear()
    world.restart()
    world.step()
    assert world.taken == {"bad": HELD}


def test_a_file_of_this_machine_is_a_feed(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(LIST)
    world = World(tmp_path)
    world.feeds.follow({"mine": Feed(source=str(tmp_path / "bad.txt"))})
    world.step()
    assert world.taken == {"mine": HELD}
