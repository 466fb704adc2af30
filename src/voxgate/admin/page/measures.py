"""The last hour in numbers, for plots: kept in memory, as many as fit. What is measured is what `/metrics` tells.

    {"at": [epoch s], "calls": [n], "registrations": [n], "requests": [per second], "bans": [n]}

null where nobody could be asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.errors import VoxgateError
from voxgate.wire.admin_request import MetricsRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.admin.surroundings import Surroundings

log = logging.getLogger(__name__)

PERIOD_S: Final = 15.0
#: Nobody may be looking: where measuring is dear (100,000 bans), it is done less often.
SHARE: Final = 100
MOST: Final = 240
#: Our names -> metrics, whose series are added up.
_GAUGES: Final = {"calls": "voxgate_calls", "registrations": "voxgate_registrations", "bans": "voxgate_bans"}
_REQUESTS: Final = ("kamailio_received_requests_total", "haproxy_requests_total")
NAMES: Final = ("calls", "registrations", "requests", "bans")


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment; `requests` counts from the engines' start."""

    at_s: float
    values: Mapping[str, float]
    requests: float | None


def sample(text: str, at_s: float) -> Sample:
    """What the metrics' text says. A gauge without any series is 0 where its source was asked at all."""
    sums: dict[str, float] = {}
    wanted = {*_GAUGES.values(), *_REQUESTS, "voxgate_scrape_source_up"}
    for line in text.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        # A request that a front end of HAProxy took is passed to one of its back ends, and counted there again.
        if name in wanted and 'side="backend"' not in line:
            if name == "voxgate_scrape_source_up" and 'source="voxgate"' not in line:
                continue
            sums[name] = sums.get(name, 0.0) + float(line.rpartition(" ")[2])
    asked = sums.get("voxgate_scrape_source_up", 0.0) > 0
    values = {key: sums.get(name, 0.0) for key, name in _GAUGES.items()} if asked else {}
    counted = [sums[name] for name in _REQUESTS if name in sums]
    return Sample(at_s, values, sum(counted) if counted else None)


class History:
    """The newest samples."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=MOST + 1)

    def add(self, one: Sample) -> None:
        """One more; the oldest goes."""
        self._samples.append(one)

    def data(self) -> dict[str, list[float | None]]:
        """See the head of this module. What grows becomes a rate; where an engine began anew, there is none."""
        found = list(self._samples)
        drawn = found[-MOST:]
        former = [None, *found][-len(drawn) - 1 : -1] if drawn else []
        series: dict[str, list[float | None]] = {"at": [round(one.at_s) for one in drawn]}
        for name in NAMES:
            series[name] = [one.values.get(name) for one in drawn]
        series["requests"] = [_rate(before, one) for before, one in zip(former, drawn, strict=True)]
        return series


def _rate(before: Sample | None, now: Sample) -> float | None:
    if before is None or before.requests is None or now.requests is None or now.requests < before.requests:
        return None
    passed_s = now.at_s - before.at_s
    return round((now.requests - before.requests) / passed_s, 2) if passed_s > 0 else None


async def measure(around: Surroundings, history: History) -> None:
    """Measure until cancelled."""
    while True:
        began_s = around.clock.monotonic()
        try:
            text = str((await around.desk.ask(MetricsRequest(), "page")).data["text"])
            history.add(sample(text, around.clock.wall().timestamp()))
        except VoxgateError as error:
            log.debug("not_measured reason=%s", error)
            history.add(Sample(around.clock.wall().timestamp(), {}, None))
        await asyncio.sleep(max(PERIOD_S, SHARE * (around.clock.monotonic() - began_s)))
