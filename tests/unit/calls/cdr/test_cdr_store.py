"""Records on disk: found again, page by page, whatever became of the edge that wrote them."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from voxgate.calls.cdr import sinks
from voxgate.calls.cdr.search import Query, statement
from voxgate.calls.cdr.store import Store
from voxgate.calls.cdr.value import Cdr, State, Stream, ended
from voxgate.config.records import Push
from voxgate.config.secrets import Secret
from voxgate.errors import PeerError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def cdr(number: int, **changes: Any) -> Cdr:
    """The call of that number, a minute after the one before, over after ten seconds."""
    start = NOON + timedelta(minutes=number)
    made = Cdr(f"call-{number}", "t", start, pbx="hq", caller="alice", callee=f"0555{number:03}", source="203.0.113.7")
    return ended(replace(made, **changes), start + timedelta(seconds=10))


def filled(path: Path, count: int) -> Store:
    store = Store(path / "cdr.db")
    store.write([cdr(number) for number in range(count)], NOON)
    return store


def numbers(store: Store, query: Query) -> list[int]:
    return [int(found.call_id.partition("-")[2]) for found in store.search(query).records]


def test_pages_hold_every_record_once_the_newest_first(tmp_path: Path) -> None:
    store = filled(tmp_path, 25)
    store.write([cdr(number, caller_tag="fork") for number in range(25)], NOON)
    seen, cursor = [], ""
    while True:
        page = store.search(Query(limit=7, cursor=cursor))
        seen += [(found.call_id, found.caller_tag) for found in page.records]
        cursor = page.cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 50
    assert seen[0] == ("call-24", "fork")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(number="0555003"), [3]),
        (Query(number="055500*"), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (Query(number="*010"), [10]),
        (Query(number="%"), None),
        (Query(since=NOON + timedelta(minutes=10)), [11, 10]),
        (Query(until=NOON + timedelta(minutes=1)), [0]),
        (Query(pbx="branch"), []),
        (Query(call_id="call-5"), [5]),
        (Query(source="203.0.113.7", limit=2), [11, 10]),
        (Query(state="open"), []),
        (Query(number="' OR 1=1 --"), []),
        (Query(cursor="1; DROP TABLE cdr"), None),
    ],
)
def test_what_is_looked_for_is_found(tmp_path: Path, query: Query, found: list[int] | None) -> None:
    store = filled(tmp_path, 12)
    if found is None:
        with pytest.raises(UsageError):
            store.search(query)
    else:
        assert numbers(store, query) == found


def test_a_record_that_changes_stays_one_and_survives_whole(tmp_path: Path) -> None:
    store = Store(tmp_path / "cdr.db")
    begun = Cdr("c", "t", NOON, caller="alice")
    store.write([begun], NOON)
    assert [one.call_id for one in store.left_open()] == ["c"]
    last = ended(replace(begun, from_caller=Stream(50, 0.5, 2.0, 4.3, 4.1, "203.0.113.7:4000"), codecs=("opus",)), NOON)
    store.write([last], NOON + timedelta(seconds=1))
    store.close()
    again = Store(tmp_path / "cdr.db")
    (found,) = again.search(Query()).records
    assert replace(found, id=0) == last
    assert again.left_open() == []
    assert again.alive() == NOON + timedelta(seconds=1)


def test_old_records_go_and_open_ones_stay(tmp_path: Path) -> None:
    store = filled(tmp_path, 10)
    store.write([Cdr("open", "t", NOON - timedelta(days=200))], NOON)
    store.prune(NOON + timedelta(minutes=5), timedelta(0), 1000)
    assert {found.call_id for found in store.search(Query()).records} == {"open", *(f"call-{n}" for n in range(5, 10))}
    store.prune(NOON, timedelta(days=900), 3)
    assert {found.call_id for found in store.search(Query()).records} == {"open", "call-8", "call-9"}


def test_a_damaged_file_is_put_aside_and_only_the_owner_may_read(tmp_path: Path) -> None:
    (tmp_path / "cdr.db").write_bytes(b"no database" * 1000)
    store = filled(tmp_path, 1)
    assert len(store.search(Query()).records) == 1
    assert (tmp_path / "cdr.damaged").exists()
    assert (tmp_path / "cdr.db").stat().st_mode & 0o077 == 0


def test_what_waits_for_a_server_waits_on_disk(tmp_path: Path) -> None:
    store = Store(tmp_path / "cdr.db")
    store.write([cdr(1), cdr(2), replace(cdr(3), state=State.OPEN)], NOON, places=["push", "database"])
    store.close()
    again = Store(tmp_path / "cdr.db")
    waiting = again.spooled("push", 10)
    assert [one.call_id for one in waiting] == ["call-1", "call-2"]
    again.unspool("push", waiting[:1])
    assert [one.call_id for one in again.spooled("push", 10)] == ["call-2"]
    assert [one.call_id for one in again.spooled("database", 10)] == ["call-1", "call-2"]


def test_what_an_older_voxgate_left_waiting_still_waits(tmp_path: Path) -> None:
    store = filled(tmp_path, 2)
    store.close()
    with closing(sqlite3.connect(tmp_path / "cdr.db", isolation_level=None)) as old:
        old.execute("CREATE TABLE spool (id INTEGER PRIMARY KEY)")
        old.execute("INSERT INTO spool SELECT id FROM cdr WHERE call_id = 'call-1'")
    assert [one.call_id for one in Store(tmp_path / "cdr.db").spooled("push", 10)] == ["call-1"]


#: Every way to look, with a page in the middle of what there is.
WAYS = [
    Query(),
    Query(since=NOON),
    Query(until=NOON),
    Query(pbx="hq"),
    Query(trunk="carrier"),
    Query(direction="out"),
    Query(state="open"),
    Query(answered=False),
    Query(code=486),
    Query(call_id="call-1"),
    Query(source="203.0.113.7"),
    Query(number="0555001"),
    Query(number="0555001", pbx="hq", since=NOON),
    Query(number="0555*"),
    Query(number="*01", pbx="hq", direction="in"),
]


@pytest.mark.parametrize("cursor", ["", "1780000000.5-7"])
@pytest.mark.parametrize("query", WAYS, ids=str)
def test_a_page_is_found_by_an_index_in_its_order_however_many_records_there_are(
    tmp_path: Path, query: Query, cursor: str
) -> None:
    store = filled(tmp_path, 3)
    words, values = statement(replace(query, cursor=cursor))
    plan = [row[3] for row in store._db.execute(f"EXPLAIN QUERY PLAN {words}", values)]
    asked = [step for step in plan if step.startswith(("SEARCH cdr", "SCAN cdr"))]
    assert not [step for step in asked if step.startswith("SCAN")], plan
    # The records themselves are fetched by number; whatever goes before reads an index that begins with what is asked.
    assert asked[0] == "SEARCH cdr USING INTEGER PRIMARY KEY (rowid=?)"
    assert all("start>" in step or "call_id=" in step for step in asked[1:]), plan
    # One sorting, of the page alone; two for a number, which is a caller's or a callee's.
    sorted_by_hand = [step for step in plan if "ORDER BY" in step]
    assert len(sorted_by_hand) <= 2 if query.number or query.call_id else len(sorted_by_hand) == 1, plan
    assert not [step for step in plan if "RIGHT PART" in step]
    if cursor and not query.call_id:
        assert all("start<" in step for step in asked[1:]), plan


def test_lines_are_appended_to_a_file_that_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "cdr.jsonl"
    sinks.append(str(path), [cdr(1), cdr(2)])
    path.rename(tmp_path / "cdr.jsonl.1")
    sinks.append(str(path), [cdr(3)])
    assert [json.loads(line)["call_id"] for line in path.read_text().splitlines()] == ["call-3"]
    assert len((tmp_path / "cdr.jsonl.1").read_text().splitlines()) == 2


@pytest.mark.parametrize(("answer", "arrives"), [(204, True), (500, False), (302, False)])
def test_records_are_posted_with_the_token_and_only_2xx_counts(answer: int, *, arrives: bool) -> None:
    came: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(answer)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        target = Push(url=f"http://127.0.0.1:{server.server_port}/cdr", token=Secret("s3cret"))
        if arrives:
            sinks.push(target, [cdr(1), cdr(2)])
        else:
            with pytest.raises(PeerError):
                sinks.push(target, [cdr(1), cdr(2)])
    ((token, body),) = came
    assert (token, len(body)) == ("Bearer s3cret", 2)
