"""The last hour in numbers: read from the metrics' text, bounded, and rates where engines count."""

from __future__ import annotations

import pytest

from voxgate.admin.page.measures import MOST, History, Sample, sample

TEXT = """# HELP voxgate_calls Calls that run, by PBX.
# TYPE voxgate_calls gauge
voxgate_calls{pbx="hq"} 3
voxgate_calls{pbx="b } 9"} 4
voxgate_registrations 25
kamailio_received_requests_total{method="INVITE"} 100
kamailio_received_requests_total{method="BYE"} 50
haproxy_requests_total{proxy="web",side="frontend"} 7
haproxy_requests_total{proxy="hq",side="backend"} 7
voxgate_scrape_source_up{source="voxgate"} 1
voxgate_scrape_source_up{source="kamailio"} 1
"""


def test_series_of_one_name_are_added_and_what_was_not_asked_is_not_nought() -> None:
    found = sample(TEXT, 10)
    assert found.values == {"calls": 7, "registrations": 25, "bans": 0}
    assert found.requests == 157
    assert sample("", 10) == Sample(10, {}, None)


@pytest.mark.parametrize(
    ("counts", "rates"),
    [((0, 30, 45), [None, 2.0, 1.0]), ((100, 20, 35), [None, None, 1.0]), ((1, None, 3), [None, None, None])],
)
def test_what_grows_becomes_a_rate(counts: tuple[float | None, ...], rates: list[float | None]) -> None:
    history = History()
    for step, count in enumerate(counts):
        history.add(Sample(step * 15.0, {"calls": step}, count))
    data = history.data()
    assert (data["requests"], data["calls"], data["bans"]) == (rates, [0, 1, 2], [None] * 3)


def test_it_holds_an_hour_and_the_first_of_it_has_a_rate() -> None:
    history = History()
    assert history.data()["at"] == []
    for step in range(5 * MOST):
        history.add(Sample(step * 15.0, {}, step * 15.0))
    data = history.data()
    assert {len(series) for series in data.values()} == {MOST}
    assert data["requests"] == [1.0] * MOST
