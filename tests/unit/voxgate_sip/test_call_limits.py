"""Limits: the arithmetic, and places in a table that stands in for Kamailio's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.voxgate_sip.edges import Edge, next_hop
from tests.unit.voxgate_sip.shared import Shared
from voxgate_sip.limits import Limit, Place, corrections, full_at, key_of, place_of, requester
from voxgate_sip.places import Places
from voxgate_sip.sweeper import parted

if TYPE_CHECKING:
    from pathlib import Path

TWO = Limit(2)


def admitted(rate: int, times_ms: list[int]) -> list[int]:
    """The times at which a call was let through."""
    tat, good = 0.0, []
    for now in times_ms:
        if again := full_at(tat, rate, now):
            good.append(now)
            tat = again
    return good


@pytest.mark.parametrize(
    ("rate", "times_ms", "good"),
    [
        (1, [0, 0, 999, 1000, 1001], [0, 1000]),
        (3, [0, 0, 0, 0, 333, 334, 5000, 5000, 5000, 5000], [0, 0, 0, 333, 5000, 5000, 5000]),
        (5, [0] * 9, [0] * 5),
        (1000, [7] * 1001, [7] * 1000),
        (5000, [7] * 6000, [7] * 5000),
    ],
)
def test_a_bucket_lets_a_burst_through_and_then_the_rate(rate: int, times_ms: list[int], good: list[int]) -> None:
    assert admitted(rate, times_ms) == good


@given(st.integers(1, 200), st.lists(st.integers(0, 20_000), max_size=300))
def test_no_second_has_more_than_twice_the_rate(rate: int, times_ms: list[int]) -> None:
    good = admitted(rate, sorted(times_ms))
    for start in good:
        assert sum(start <= time < start + 1000 for time in good) <= 2 * rate


def test_calls_are_counted_up_to_the_limit_and_no_limit_is_none() -> None:
    shared = Shared()
    places = Places(shared.fake.ksr, Clock())
    reasons = [places.take(f"{number}|1", 1, {"pbx:hq": TWO, "pbx:free": Limit(0)})[1] for number in range(4)]
    assert reasons == ["", "", "calls-limit", "calls-limit"]
    assert (shared.used("pbx:hq"), shared.used("pbx:free")) == (2, 2)


def test_who_came_too_fast_holds_no_place_and_may_come_later() -> None:
    shared, clock = Shared(), Clock()
    places = Places(shared.fake.ksr, clock)
    limit = {"pbx:hq": Limit(9, 2)}
    assert [places.take(f"{number}|1", 1, limit)[1] for number in range(3)] == ["", "", "rate-limit"]
    assert shared.used("pbx:hq") == 2
    clock.now = 501
    assert places.take("3|1", 1, limit) == ("", "")


def test_a_counter_is_never_below_nothing_and_goes_away_with_its_last_call() -> None:
    shared = Shared()
    places = Places(shared.fake.ksr, Clock())
    places.take("a|1", 1, {"pbx:hq": TWO})
    shared.tables["used"]["pbx:hq"] = "0"
    places.free("a|1")
    assert shared.used("pbx:hq") == 0
    places.sweep()
    assert shared.tables["used"] == {}


def test_what_stands_in_shared_memory_is_read_back() -> None:
    place = Place(7, 1700000000, ("pbx:hq", "from:192.0.2.1"), "0044")
    assert place_of(place.text()) == place
    with pytest.raises(ValueError, match=r"unpack|invalid"):
        place_of("nonsense")


@pytest.mark.parametrize(
    ("address", "subject"),
    [("192.0.2.1", "from:192.0.2.1"), ("2001:db8:0:7:1:2:3:4", "from:2001:db8:0:7::/64")],
)
def test_a_requester_is_an_ipv4_address_or_an_ipv6_network(address: str, subject: str) -> None:
    assert requester(address) == subject


def test_a_difference_counts_when_it_was_there_the_time_before_and_by_the_lesser() -> None:
    before: dict[str, int] = {}
    assert corrections({"a": 5, "b": 1}, {"a": 3, "b": 1}, before) == {}
    assert corrections({"a": 4, "b": 1}, {"a": 3, "b": 2}, before) == {"a": -1}
    assert corrections({"a": 3, "b": 1}, {"a": 3, "b": 0}, before) == {}
    assert corrections({}, {"c": 2}, before) == {}
    assert corrections({}, {"c": 2}, before) == {"c": 2}


class Clock:
    """Milliseconds that a test moves."""

    now = 0

    def __call__(self) -> int:
        return self.now


def test_places_are_taken_of_all_or_of_none_and_given_back_once() -> None:
    shared, clock = Shared(), Clock()
    places = Places(shared.fake.ksr, clock)
    assert places.take("a|1", 1, {"pbx:hq": TWO, "from:x": Limit(1)}) == ("", "")
    assert places.take("b|1", 1, {"pbx:hq": TWO, "from:x": Limit(1)}) == ("from:x", "calls-limit")
    assert shared.used("pbx:hq") == 1
    assert places.free("a|1") == Place(1, 0, ("pbx:hq", "from:x"))
    assert places.free("a|1") is None
    assert (shared.used("pbx:hq"), shared.used("from:x"), shared.tables["places"]) == (0, 0, {})
    assert shared.locked == set()


def test_the_same_request_is_counted_once_and_another_with_its_call_id_is_none() -> None:
    shared = Shared()
    places = Places(shared.fake.ksr, Clock())
    assert places.take("a|1", 7, {"pbx:hq": TWO}) == ("", "")
    assert places.take("a|1", 7, {"pbx:hq": TWO}) == ("", "")
    assert places.take("a|1", 8, {"pbx:hq": TWO}) == ("", "call-id-in-use")
    assert places.take("x" * 600, 8, {"pbx:hq": TWO}) == ("", "call-id-too-long")
    assert shared.used("pbx:hq") == 1


def test_an_answered_call_keeps_the_time_of_its_first_answer() -> None:
    shared = Shared()
    places = Places(shared.fake.ksr, Clock())
    places.take("a|1", 7, {"pbx:hq": TWO})
    places.answered("a|1", 100)
    places.answered("a|1", 101)
    places.answered("b|1", 101)
    assert {key: place_of(text).since_s for key, text in shared.tables["places"].items()} == {"a|1": 100}


def test_a_sweep_puts_right_what_was_lost_in_both_directions() -> None:
    shared = Shared()
    places = Places(shared.fake.ksr, Clock())
    places.take("a|1", 1, {"pbx:hq": TWO})
    places.take("b|1", 1, {"pbx:hq": TWO})
    del shared.tables["places"]["b|1"]  # expired, or deleted by the control plane
    shared.tables["places"]["c|1"] = Place(1, 1, ("pbx:two",)).text()  # told of by the control plane
    for _ in range(2):
        assert [key for key, _ in places.sweep()] == ["a|1", "c|1"]
    assert (shared.used("pbx:hq"), shared.used("pbx:two")) == (1, 1)


def test_a_counter_that_moves_while_the_calls_are_read_is_left_alone() -> None:
    shared = Shared()
    places = Places(shared.fake.ksr, Clock())
    places.take("a|1", 1, {"pbx:hq": Limit(9)})
    read = places.table

    def busy(name: str) -> list[tuple[str, str]]:
        items = read(name)
        if name == "places":
            places.take(f"{len(items)}|1", 1, {"pbx:hq": Limit(9)})
        return items

    places.table = busy  # type: ignore[method-assign]
    for _ in range(4):
        places.sweep()
    assert shared.used("pbx:hq") == len(shared.tables["places"]) == 5


def test_a_list_is_parted_into_datagrams() -> None:
    calls = [(f"{number:0500}", "x") for number in range(300)]
    parts = parted(calls)
    assert [call for part in parts for call in part] == calls
    assert max(sum(len(key) for key, _ in part) for part in parts) <= 65536
    assert parted([]) == [[]]


LIMITS = {"pbx:office": (1, 0), "from": (3, 0)}


def limited(folder: Path) -> tuple[Edge, Shared]:
    """A worker with limits, and its tables."""
    edge = Edge(folder, media=True, limits=LIMITS)
    shared = Shared(edge.fake)
    edge.fake.variables |= {"$ft": "f", "$cs": 1}
    edge.fake.answers["tm.t_check_trans"] = -1
    return edge, shared


def test_an_invite_above_the_limit_is_refused_and_counted(tmp_path: Path) -> None:
    edge, shared = limited(tmp_path)
    assert edge.phone().done()[-1] == "tm.t_relay"
    assert edge.phone(ci="call-2").said("sl.send_reply") == [(486, "Busy Here")]
    assert edge.said("hdr.append_to_reply") == [("Retry-After: 10\r\n",)]
    assert ("refused", "pbx-calls-limit:office") in edge.said("htable.sht_inc")
    # A PBX hears 503, so that it tries another way; it is no requester.
    assert edge.pbx(ci="call-3").said("sl.send_reply") == [(503, "Service Unavailable")]
    assert shared.used("pbx:office") == 1
    assert shared.tables["places"].keys() == {key_of("call-1", "f")}


@pytest.mark.parametrize("how", ["failed", "bye", "bye-of-the-other", "not-relayed", "no-media"])
def test_every_end_makes_the_place_free(tmp_path: Path, how: str) -> None:
    edge, shared = limited(tmp_path)
    if how == "not-relayed":
        edge.fake.answers["tm.t_relay"] = -1
    if how == "no-media":
        edge.fake.answers["rtpengine.rtpengine_offer"] = -1
    edge.phone()
    if how == "failed":
        assert shared.used("pbx:office") == 1
        edge.script.ksr_failure(None)
    if how.startswith("bye"):
        edge.fake.variables |= next_hop("10.0.0.1", 5060)
        tags = {"ft": "f", "tt": "g"} if how == "bye" else {"ft": "g", "tt": "f"}
        edge.phone("BYE", **tags)
    assert (shared.used("pbx:office"), shared.tables["places"]) == (0, {})


def test_an_invite_that_is_sent_again_belongs_to_its_transaction(tmp_path: Path) -> None:
    edge, shared = limited(tmp_path)
    edge.fake.answers["tm.t_check_trans"] = 0
    assert "tm.t_relay" not in edge.phone().done()
    assert "places" not in shared.tables


def test_who_is_not_limited_pays_nothing(tmp_path: Path) -> None:
    edge = Edge(tmp_path, media=True, limits={"pbx:vault": (1, 1)})
    plain = Edge(tmp_path, media=True)
    assert edge.phone().fake.names() == plain.phone().fake.names()
    assert edge.pbx().fake.names() == plain.pbx().fake.names()
