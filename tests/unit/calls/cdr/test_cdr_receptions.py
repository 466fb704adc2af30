"""What parties report of each other becomes figures of each source, and those a figure of how it sounds."""

from __future__ import annotations

import pytest

from voxgate.calls.cdr import emodel
from voxgate.calls.cdr.quality import heard
from voxgate.calls.cdr.receptions import MOST_SOURCES, Received, Receptions
from voxgate.wire.rtcp_told import Block, Told

CALLER, CALLEE = 11, 22
T0 = 1_780_000_000.0


def told(*reports: tuple[float, Told]) -> Receptions:
    made = Receptions()
    for at_s, report in reports:
        made.take(report, T0 + at_s)
    return made


def about(source: int, lost: float, jitter: int, *, last: int = 0, delay_s: float = 0.0) -> Told:
    return Told(CALLEE, blocks=(Block(source, lost, jitter, last, delay_s),))


def sends(source: int, packets: int, ntp: int = 0) -> Told:
    return Told(source, packets, ntp)


def test_a_report_is_about_the_source_it_names_and_not_about_who_wrote_it() -> None:
    made = told((1, about(CALLER, 0.1, 80)), (2, about(CALLER, 0.3, 160)))
    assert made.received(CALLER) == Received(0.2, 120.0, 0.3, 160.0, 0.0)
    assert made.received(CALLEE) is None


def test_the_delay_is_half_of_both_ways_there_and_back() -> None:
    # The caller's report passes at 1.0, the callee answers it after 0.5 s of its own: 60 ms to the callee and back.
    made = told(
        (1.0, sends(CALLER, 50, ntp=7)),
        (1.56, Told(CALLEE, 50, 9, (Block(CALLER, 0.0, 0, 7, 0.5),))),
        (2.0, Told(CALLER, 100, 8, (Block(CALLEE, 0.0, 0, 9, 0.3),))),
    )
    found = made.received(CALLER)
    assert found is not None
    assert found.delay_s == pytest.approx((0.06 + 0.14) / 2)


@pytest.mark.parametrize(("last", "delay_s"), [(8, 0.5), (7, 0.56), (7, 900.0), (0, 0.1)])
def test_an_answer_to_nothing_or_before_the_question_gives_no_delay(last: int, delay_s: float) -> None:
    made = told((1.0, sends(CALLER, 50, ntp=7)), (1.56, about(CALLER, 0.0, 0, last=last, delay_s=delay_s)))
    found = made.received(CALLER)
    assert found is not None
    assert found.delay_s == 0.0


@pytest.mark.parametrize(
    ("arrived", "at_s", "lost"),
    [
        (600, 12.0, 0.0),
        (595, 12.0, 0.0),
        (540, 12.0, 0.1),
        (450, 12.0, 0.25),
        (700, 12.0, None),
        (500, 9.9, None),
        (540, 40.0, None),
    ],
    ids=["all", "under way", "a tenth", "a quarter", "another source's too", "before the report", "long ago"],
)
def test_what_a_sender_counts_beside_what_arrived_is_what_was_lost_before(
    arrived: int, at_s: float, lost: float | None
) -> None:
    # 50 a second; the last report is two seconds before the end.
    made = told((5, sends(CALLER, 250)), (7, sends(CALLER, 350)), (10, sends(CALLER, 500)))
    found = made.lost_before(CALLER, arrived, T0 + at_s)
    assert found == (None if lost is None else pytest.approx(lost))


def test_one_count_alone_or_a_few_packets_tell_nothing() -> None:
    assert told((5, sends(CALLER, 250))).lost_before(CALLER, 250, T0 + 6) is None
    assert told((1, sends(CALLER, 20)), (2, sends(CALLER, 40))).lost_before(CALLER, 20, T0 + 2) is None
    # A source that counts from the beginning again is another one.
    assert told((5, sends(CALLER, 250)), (9, sends(CALLER, 3))).lost_before(CALLER, 250, T0 + 9) is None


def test_a_phone_that_makes_up_sources_displaces_no_party() -> None:
    made = told((1, about(CALLER, 0.1, 80)))
    for number in range(100, 100 + 3 * MOST_SOURCES):
        made.take(sends(number, 1), T0)
        made.take(about(CALLER, 0.1, 80), T0)
    found = made.received(CALLER)
    assert found is not None
    assert found.lost == pytest.approx(0.1)
    assert len(made._sources) <= MOST_SOURCES


def reply(caller: int = 500, callee: int = 500, codec: str = "PCMA/8000") -> dict[str, object]:
    def party(packets: int, ssrc: int) -> dict[str, object]:
        endpoint = {"address": "203.0.113.77", "port": 4000}
        stream = {"endpoint": endpoint, "SSRC": ssrc, "stats": {"packets": packets}}
        return {"medias": [{"type": "audio", "protocol": "RTP/AVP", "codec": codec, "streams": [stream]}]}

    return {"tags": {"caller": party(caller, CALLER), "callee": party(callee, CALLEE)}, "SSRC": {}}


def test_a_direction_has_figures_from_who_receives_it_else_from_who_sends_it() -> None:
    # The callee reports, the caller does not: it has counted neither what it sent nor what came.
    made = told((4, sends(CALLEE, 200)), (9, sends(CALLEE, 450)), (9, about(CALLER, 0.1, 400)))
    found = heard(reply(callee=440), "caller", made, T0 + 10)
    caller, callee = found.from_caller, found.from_callee
    assert (caller.lost_percent, caller.jitter_ms, caller.measured, caller.lost_before_percent) == (
        *(10.0, 50.0, "receiver", None),
    )
    assert caller.mos == emodel.mos(10, 50)
    assert (callee.lost_percent, callee.jitter_ms, callee.measured, callee.lost_before_percent) == (
        *(12.0, None, "edge", 12.0),
    )
    assert callee.mos == emodel.mos(12)


@pytest.mark.parametrize(
    ("codec", "jitter_ms"), [("opus/48000/2", 10.0), ("PCMU/8000", 60.0), ("x/0", 60.0), ("", 60.0)]
)
def test_jitter_is_counted_by_the_clock_of_the_codec(codec: str, jitter_ms: float) -> None:
    assert heard(reply(codec=codec), "caller", told((1, about(CALLER, 0.0, 480)))).from_caller.jitter_ms == jitter_ms


def test_who_sent_nothing_has_no_figures_whatever_is_reported() -> None:
    assert heard(reply(caller=0), "caller", told((1, about(CALLER, 1.0, 0)))).from_caller.mos is None


@pytest.mark.parametrize(
    ("lost_percent", "jitter_ms", "delay_ms", "codec", "between"),
    [
        (0, 0, 0, "PCMA", (4.39, 4.42)),
        (0, 0, 150, "PCMA", (4.25, 4.35)),
        (0, 0, 400, "PCMA", (2.9, 3.1)),
        (1, 0, 50, "PCMA", (4.2, 4.4)),
        (5, 0, 50, "PCMA", (3.75, 4.0)),
        (10, 20, 50, "PCMA", (3.2, 3.5)),
        (30, 20, 50, "PCMA", (1.9, 2.3)),
        (100, 900, 900, "PCMA", (1.0, 1.0)),
        (0, 0, 0, "G729", (4.05, 4.15)),
        (-5, -1, -9, "", (4.39, 4.42)),
    ],
)
def test_mos_is_what_the_e_model_gives(
    lost_percent: float, jitter_ms: float, delay_ms: float, codec: str, between: tuple[float, float]
) -> None:
    low, high = between
    assert low <= emodel.mos(lost_percent, jitter_ms, delay_ms, codec) <= high


def test_more_loss_jitter_or_delay_never_sounds_better() -> None:
    for arguments in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        lost, jitter, delay = arguments
        rated = [emodel.mos(step * lost, step * jitter, step * delay) for step in range(0, 500, 7)]
        assert rated == sorted(rated, reverse=True)
