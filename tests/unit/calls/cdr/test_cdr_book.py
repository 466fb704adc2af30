"""Reports of Kamailio's become records, whatever is lost, late, twice or made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.calls.cdr.reporting import T0, answered, begun, ended, failed, report
from voxgate.calls.cdr.book import Book, left_over
from voxgate.calls.cdr.reports import report_of
from voxgate.calls.cdr.value import Attempt, Cdr, Direction, State, cdr_of
from voxgate_sip.notes import note_of


def told(*events: dict[str, Any], book: Book | None = None) -> list[Cdr]:
    """What is recorded when these are reported."""
    kept = Book(pbx_of={"192.168.1.20": "hq"}) if book is None else book
    return [cdr for event in events for cdr in kept.take(report(event))]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 + seconds, UTC)


def test_an_answered_call_has_its_times_parties_codec_and_who_hung_up() -> None:
    first, second, last = told(begun(), answered(), ended())
    assert (first.state, second.state, last.state) == (State.OPEN, State.ANSWERED, State.ENDED)
    assert (last.start, last.answer, last.end) == (at(0), at(5), at(65))
    assert (last.duration_s, last.billable_s) == (65, 60)
    assert (last.caller, last.caller_name, last.callee, last.pbx) == ("alice", "Alice", "600", "hq")
    assert (last.codecs, last.codecs_offered, last.encryption_caller) == (("PCMU",), ("PCMA", "PCMU"), "none")
    assert (last.hung_up, last.sip_code, last.q850, last.q850_text) == ("caller", 200, 16, "normal clearing")
    assert cdr_of(last.to_json()) == last


def test_when_it_first_rang_is_told_whether_somebody_answered_or_not() -> None:
    assert told(begun(), answered(progress=str(T0 + 1)), ended())[-1].progress == at(1)
    assert told(begun(), failed(progress=str(T0 + 2)))[-1].progress == at(2)
    assert told(begun(), failed())[-1].progress is None
    # Clocks of two workers: never before the call, and no number is no report.
    assert told(begun(), failed(progress=str(T0 - 9)))[-1].progress == at(0)
    assert report_of(failed(progress="soon")) is None


@pytest.mark.parametrize(
    ("events", "code", "q850", "hung_up", "reason"),
    [
        ((begun(), failed()), 486, 17, "callee", ""),
        ((begun(), failed(code=603, cause="Q.850;cause=34", phrase="Decline")), 603, 34, "callee", ""),
        ((begun(), failed(code=503, cause='SIP;cause=486, Q.850;cause=31;text="x"')), 503, 31, "callee", ""),
        ((begun(), failed(code=487, how="cancelled", phrase="")), 487, 16, "caller", "cancelled"),
        ((begun(), failed(code=408, how="silent", phrase="")), 408, 102, "", "no-reply"),
        (
            (begun(way=("refused", "486", "Busy Here", ""), refused="pbx-calls-limit:hq"),),
            486,
            17,
            "edge",
            "pbx-calls-limit:hq",
        ),
        ((begun(refused="no-node-answers"),), 503, 41, "edge", "no-node-answers"),
    ],
)
def test_a_call_that_nobody_answered_is_recorded_with_code_and_cause(
    events: tuple[dict[str, Any], ...], code: int, q850: int, hung_up: str, reason: str
) -> None:
    last = told(*events)[-1]
    assert last.state is State.ENDED
    assert last.answer is None
    assert (last.sip_code, last.q850, last.hung_up, last.reason) == (code, q850, hung_up, reason)


def test_a_call_from_a_pbx_is_of_the_pbx_at_its_address() -> None:
    (cdr,) = told(begun(way=("out", "", "", ""), source="192.168.1.20"))
    assert (cdr.direction, cdr.pbx) == (Direction.OUT, "hq")


def test_who_hangs_up_is_told_by_the_tag() -> None:
    assert told(begun(), answered(), ended(tags=("t2", "t1")))[-1].hung_up == "callee"
    assert told(begun(), answered(), ended(tags=("x", "y")))[-1].state is State.ANSWERED, "another call's BYE"


def test_an_invite_that_is_sent_again_changes_nothing_and_a_bye_counts_once() -> None:
    assert len(told(begun(), begun(), answered(), answered(), ended(), ended(), begun())) == 3


def test_a_challenged_invite_and_its_second_are_one_call() -> None:
    records = told(begun(), failed(code=407), begun(at=T0 + 1, cseq="2"), answered())
    assert [cdr.state for cdr in records] == [State.OPEN, State.OPEN, State.ANSWERED]
    assert records[-1].start == at(0)


def test_a_challenge_that_nobody_answers_is_a_call_that_failed() -> None:
    book = Book()
    told(begun(), failed(code=407), book=book)
    assert book.tick(at(9)) == []
    (cdr,) = book.tick(at(12))
    assert (cdr.sip_code, cdr.state) == (407, State.ENDED)


def test_an_answer_that_overtakes_its_invite_is_kept_for_it() -> None:
    states = [cdr.state for cdr in told(answered(), begun(), ended())]
    assert states == [State.OPEN, State.ANSWERED, State.ENDED]


def test_the_attempt_chain_tells_each_target_and_what_became_of_it() -> None:
    note = note_of("sip:203.0.113.77:5060", "hq", "plain", "alice", "sip:192.168.1.20:5060", "sip:192.168.1.21:5060")
    last = told(begun(), answered(note=note, outcomes=" timeout"))[-1]
    assert last.attempts == (
        Attempt("hq", "sip:192.168.1.20:5060", "timeout"),
        Attempt("hq", "sip:192.168.1.21:5060", "200"),
    )
    chain = "\n".join([*["x"] * 10, "one two", "", "one\tsip:198.51.100.7:5060\t503", "two\tsip:198.51.100.8:5060\t"])
    assert told(begun(), answered(chain=chain))[-1].attempts == (
        Attempt("one", "sip:198.51.100.7:5060", "503"),
        Attempt("two", "sip:198.51.100.8:5060", "200"),
    )


def test_when_kamailio_dies_ringing_calls_are_closed_and_answered_ones_go_on() -> None:
    book = Book()
    told(begun("ringing"), begun("talking"), answered("talking"), begun("new", at=T0 + 29), book=book)
    (closed,) = book.kamailio_died(at(30), born=at(28))
    assert (closed.call_id, closed.reason, closed.end) == ("ringing", "kamailio-restarted", at(30))
    assert told(ended("talking"), book=book)[-1].hung_up == "caller"


def test_what_an_edge_that_died_left_open_ends_when_it_was_last_alive() -> None:
    left = told(begun(), answered())[-1:]
    (closed,) = left_over(left, at(42))
    assert (closed.state, closed.end, closed.reason) == (State.ENDED, at(42), "edge-restarted")
    assert closed.billable_s == 37


def test_a_call_of_which_no_end_is_seen_is_closed_in_time() -> None:
    book = Book()
    told(begun(), book=book)
    assert book.tick(at(100)) == []
    assert book.tick(at(301))[0].reason == "end-not-seen"
    assert len(book) == 0


def test_the_edge_itself_ends_a_call() -> None:
    book = Book()
    told(begun(), answered(), book=book)
    (closed,) = book.close("c1", at(66), "no-media")
    assert (closed.hung_up, closed.reason, closed.sip_code) == ("edge", "no-media", 200)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"parts": "begun"},
        {"parts": ["begun", "now", "", "", "", "", "", ""]},
        begun(call_id="x" * 2000),
        begun(source="not-an-address"),
        begun(cseq="one"),
        begun(tag="zz"),
        {"parts": ["answered", "1.0", "a\nb"]},
        {"parts": ["failed", "1.0", "", "486", ""]},
        {"parts": ["ended", "1e300", ""]},
        {"parts": ["ended", "nan", ended()["parts"][2]]},
    ],
)
def test_what_is_no_report_is_dropped(event: dict[str, Any]) -> None:
    assert report_of(event) is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_a_party_writes_the_record_is_printable_and_bounded(name: str, agent: str) -> None:
    def raw(text: str) -> str:
        return text.encode("utf-8", "surrogatepass").hex()

    (cdr,) = told(begun(name=raw(name), agent=raw(agent), dialled=raw(f"sip:{name}@x")))
    for text in (cdr.caller_name, cdr.user_agent, cdr.callee, cdr.callee_uri):
        assert text.isprintable()
        assert len(text) <= 256


def test_a_flood_of_invites_does_not_grow_the_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxgate.calls.cdr.book.MOST_OPEN", 10)
    book = Book()
    records = [cdr for number in range(50) for cdr in told(begun(f"c{number}"), book=book)]
    assert len(book) == 10
    assert sum(cdr.reason == "too-many-open" for cdr in records) == 40


def test_times_that_are_far_off_do_no_harm() -> None:
    assert told(begun(), answered(at=T0 - 100), ended(at=T0 - 200))[-1].duration_s == 0
    assert told(begun())[0].start + timedelta(0) == at(0)
