from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from voxgate.errors import EngineError, PeerError
from voxgate.supervise.registrations import MARK, MOST_OF_A_USER, Book, Keeper, from_json, read_book, to_json, to_table

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event(user: str = "alice", **changes: Any) -> dict[str, Any]:
    """What a worker tells of a phone with one contact."""
    contact = f"sip:{user}@10.0.0.50"
    return {
        "event": "registered",
        "aor": f"{user}@example.com",
        "pbx": "hq",
        "agent": "Desk 7",
        "address": "198.51.100.7",
        "port": 40000,
        "transport": "udp",
        "there": [[contact, contact, 120]],
        "gone": [],
        "all_gone": False,
        **changes,
    }


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_refresh_prolongs_and_keeps_the_moment_of_the_first() -> None:
    book = Book()
    book.report(event(), NOW)
    book.report(event(port=40001), later(60))
    (one,) = book.listed(later(61))
    assert (one.since, one.until, one.port) == (NOW, later(180), 40001)
    assert len(book) == 1


def test_what_is_over_is_not_listed_and_soon_forgotten() -> None:
    book = Book()
    book.report(event(), NOW)
    assert book.listed(later(119))
    assert not book.listed(later(120))
    book.expire(later(120))
    assert len(book) == 0


def test_contacts_are_taken_back_one_by_one_or_all() -> None:
    book = Book()
    book.report(event(there=[["a", "a", 60], ["b", "b", 60]]), NOW)
    book.report(event(there=[], gone=["a", "never-there"]), NOW)
    assert [one.key for one in book.listed(NOW)] == ["b"]
    book.report(event(there=[["c", "c", 60]]), NOW)
    book.report(event("bob"), NOW)
    book.report(event(there=[], all_gone=True), NOW)
    assert [one.aor for one in book.listed(NOW)] == ["bob@example.com"]
    assert len(book) == 1


def test_a_user_with_too_many_contacts_loses_the_oldest() -> None:
    book = Book()
    for number in range(MOST_OF_A_USER + 5):
        book.report(event(there=[[f"k{number}", "c", 60]]), NOW)
    assert len(book) == len(book.listed(NOW)) == MOST_OF_A_USER
    assert "k4" not in {one.key for one in book.listed(NOW)}


@pytest.mark.parametrize(
    "bad",
    [{"aor": 7}, {"there": [["k"]]}, {"there": [["k", "c", 0]]}, {"there": [["k", "c", 10**12]]}, {"port": "x"}],
    ids=str,
)
def test_what_is_no_event_counts_for_nothing(bad: dict[str, Any]) -> None:
    book = Book()
    book.report(event(**bad), NOW)
    assert len(book) == 0


def test_a_book_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    book = Book()
    book.report(event(), NOW)
    book.report(event("bob", address="2001:db8::7", transport="tls"), NOW)
    text = json.dumps(to_json(book.listed(NOW)))
    assert from_json(text) == book.listed(NOW)
    assert "[2001:db8::7]:40000" in to_table(book.listed(NOW), NOW)
    (tmp_path / "book").write_text(text)
    assert read_book(tmp_path / "book").listed(NOW) == book.listed(NOW)


@pytest.mark.parametrize("text", ["", "{", "[7]", '[{"aor": "x"}]', "\x00"])
def test_a_damaged_file_is_an_empty_book(tmp_path: Path, text: str) -> None:
    (tmp_path / "book").write_text(text)
    assert len(read_book(tmp_path / "book")) == 0
    assert len(read_book(tmp_path / "missing")) == 0


@dataclass
class FakeRpc:
    """A Kamailio with one table; `silent`: it does not answer."""

    table: dict[str, tuple[str, int]] = field(default_factory=dict)
    silent: bool = False

    async def call(self, method: str, *params: str | int) -> object:
        if self.silent:
            raise PeerError("no answer")
        match method, params:
            case "htable.get", ("flows", str(key)):
                if key not in self.table:
                    raise EngineError("kamailio", "no such key")
                return {"item": {}}
            case "htable.setxs", ("flows", str(key), str(value), int(lasts_s)):
                self.table[key] = (value, lasts_s)
                return None
        raise AssertionError(method)


def test_a_kamailio_that_began_anew_is_told_the_flows_once(tmp_path: Path) -> None:
    rpc = FakeRpc()
    keeper = Keeper(tmp_path / "book", rpc, lambda: NOW)
    keeper.report(event())
    keeper.report(event("bob", transport="tls"))
    keeper.report(event("eve", there=[["k", "sip:a?b@h", 60]], port=7))
    rpc.silent = True
    asyncio.run(keeper.tell())
    rpc.silent = False
    asyncio.run(keeper.tell())
    told = {
        "198.51.100.7 40000 alice@example.com": ("sip:alice@10.0.0.50", 120),
        "198.51.100.7 7 eve@example.com": ("", 60),
    }
    assert rpc.table == {**told, MARK: ("1", 86400)}
    rpc.table = {MARK: ("1", 1)}
    asyncio.run(keeper.tell())
    assert rpc.table == {MARK: ("1", 1)}


def test_the_book_is_written_when_voxgate_ends(tmp_path: Path) -> None:
    async def play() -> None:
        keeper = Keeper(tmp_path / "book", FakeRpc(), lambda: NOW)
        task = asyncio.ensure_future(keeper.serve())
        await asyncio.sleep(0)
        keeper.report(event())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())
    assert len(read_book(tmp_path / "book")) == 1
