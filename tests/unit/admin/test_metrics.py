"""The text that Prometheus reads, in the opinion of Prometheus' own parser."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client.parser import text_string_to_metric_families

from voxgate.admin.metrics import edge, engines
from voxgate.admin.metrics.exposition import Family, counter, exposition, gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCS = Path(__file__).parents[3] / "docs"
METRIC = re.compile(r"(?:voxgate|kamailio|rtpengine|haproxy)_[a-z0-9_]+")

STATUS: dict[str, Any] = {
    "overall": "degraded",
    "generation": 12,
    "engines": [
        {"name": "kamailio", "serving": True, "restarts": 2, "since": "2026-11-21T10:00:00Z"},
        {"name": "haproxy", "serving": False, "restarts": 0, "since": None},
    ],
    "nodes": [
        {"pbx": "hq", "address": "172.16.0.10", "port": 5060, "transport": "udp", "state": "down"},
        {"pbx": "hq", "address": "172.16.0.10", "port": 5060, "transport": "tcp", "state": "up"},
        {"pbx": "hq", "address": "fd00::1", "port": 5060, "transport": "udp", "state": "unknown"},
    ],
    "trunks": [{"name": "carrier", "registration": "registered", "addresses": [{"address": "1.2.3.4", "state": "up"}]}],
    "certificates": [{"name": "default", "expires": "2027-01-01T00:00:00Z"}],
    "limits": [{"kind": "pbx", "name": "hq", "calls": 3, "calls_limit": None}],
    "spending": [{"pbx": "hq", "class": "mobile", "minutes_last_day": 1.5}],
}
TABLE = """\
# pxname,svname,scur,stot,bin,bout,dreq,ereq,econ,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,req_tot,
web_443,FRONTEND,1,7,100,200,3,4,,0,5,0,1,0,9,
pbx_p,pbx,0,0,0,0,,,0,0,0,0,0,0,,
pbx_p,BACKEND,0,2,10,20,0,,1,0,2,0,0,0,,
"""


def read(families: Iterable[Family]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series, as the parser has it."""
    parsed = text_string_to_metric_families(exposition(families))
    return {(one.name, frozenset(one.labels.items())): one.value for family in parsed for one in family.samples}


def test_the_status_is_read_as_it_is() -> None:
    series = read(edge.families(STATUS, "1.2"))

    def value(metric: str, **labels: str) -> float | None:
        return series.get((metric, frozenset(labels.items())))

    assert value("voxgate_build_info", version="1.2") == 1
    assert [value("voxgate_health", state=state) for state in ("ok", "degraded", "down")] == [0, 1, 0]
    assert [value("voxgate_engine_up", engine=name) for name in ("kamailio", "haproxy")] == [1, 0]
    assert value("voxgate_engine_restarts_total", engine="kamailio") == 2
    assert value("voxgate_pbx_node_up", pbx="hq", address="172.16.0.10", port="5060") == 1
    assert value("voxgate_pbx_node_up", pbx="hq", address="fd00::1", port="5060") is None
    assert value("voxgate_trunk_registered", trunk="carrier") == 1
    assert value("voxgate_certificate_expiry_timestamp_seconds", certificate="default") == 1798761600
    assert value("voxgate_spending_last_day_seconds", **{"pbx": "hq", "class": "mobile"}) == 90
    assert value("voxgate_limited_calls", kind="pbx", name="hq") == 3
    people = read(edge.people([{"pbxs": ["hq"]}, {"pbxs": ["hq"]}], 5, [{"origin": "guard"}], ["hq", "branch"]))
    assert people["voxgate_calls", frozenset({("pbx", "hq")})] == 2
    assert people["voxgate_calls", frozenset({("pbx", "branch")})] == 0, "0 is a number, and no gap in a plot"
    assert people["voxgate_bans", frozenset({("origin", "hand")})] == 0
    assert sorted(people.values()) == [0, 0, 1, 2, 5]


def test_what_the_engines_say_is_read_as_it_is() -> None:
    told = {"core.rcv_requests_invite": "42", "core.rcv_replies_2xx": "7", "shmem.used_size": "1000", "odd": "x"}
    series = read(engines.kamailio(told))
    assert series["kamailio_received_requests_total", frozenset({("method", "INVITE")})] == 42
    assert series["kamailio_shared_memory_used_bytes", frozenset()] == 1000
    inner = {"currentstatistics": {"sessionstotal": 3}, "totalstatistics": {"relayedpackets": "9", "uptime": "7"}}
    assert sorted(read(engines.rtpengine({"statistics": inner})).values()) == [3, 9]
    for broken in ({}, {"statistics": 1}, {"statistics": {"currentstatistics": [1]}}):
        assert read(engines.rtpengine(broken)) == {}
    proxies = read(engines.haproxy(TABLE))
    front = frozenset({("proxy", "web_443"), ("side", "frontend")})
    assert (proxies["haproxy_requests_total", front], proxies["haproxy_sessions", front]) == (9, 1)
    assert proxies["haproxy_responses_total", front | {("code", "2xx")}] == 5
    assert not [key for key in proxies if ("side", "pbx") in key[1]]
    assert read(engines.haproxy("")) == {}
    rule = {"rule": {"chain": "banned", "expr": [{"counter": {"packets": 4, "bytes": 400}}, {"drop": None}]}}
    chain = {"nftables": [{"metainfo": {}}, {"chain": {"name": "banned"}}, rule]}
    assert sorted(read(engines.nftables(json.dumps(chain))).values()) == [4, 400]
    for odd in ("", "[]", '{"nftables": [{"rule": {}}]}', '{"nftables": 1}'):
        assert engines.nftables(odd) == []


def test_names_follow_the_conventions() -> None:
    told = {"core.drop_requests": 1, "shmem.used_size": 1, "core.rcv_requests_invite": 1}
    families = [*edge.families(STATUS, "1"), *edge.people([], 0, []), *engines.kamailio(told), *engines.haproxy(TABLE)]
    for family in families:
        assert re.fullmatch(r"(voxgate|kamailio|rtpengine|haproxy)_[a-z0-9_]+", family.name)
        assert (family.kind == "counter") == family.name.endswith("_total")
        assert family.sentence.endswith(".")
        assert not re.search(r"minutes|millis|kilo|percent", family.name)
    assert len({family.name for family in families}) == len(families)


def test_labels_cannot_break_out_and_odd_numbers_are_written() -> None:
    evil = 'a"} 1\nevil_metric 1\\'
    assert read([gauge("x", "X.", ((("name", evil),), 1.5))]) == {("x", frozenset({("name", evil)})): 1.5}
    assert math.isclose(read([counter("y_total", "Y\n.", ((), 1e15))])[("y_total", frozenset())], 1e15)
    assert exposition([gauge("no_samples", "N."), gauge("Bad-Name", "B.", ((), 1))]) == "\n"


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    told = {"core.rcv_requests_invite": 1, "core.rcv_replies_2xx": 1, "shmem.used_size": 1, "shmem.total_size": 1}
    names = ("timeoutsessions", "onewaystreams", "zerowaystreams", "relayedbytes")
    media = {"statistics": {"totalstatistics": dict.fromkeys(names, 1)}}
    families = [*edge.families(STATUS, "1"), *edge.people([], 0, []), *engines.kamailio(told), *engines.haproxy(TABLE)]
    known = {family.name for family in (*families, *engines.rtpengine(media))}
    asked = {name for panel in board["panels"] for one in panel["targets"] for name in METRIC.findall(one["expr"])}
    assert len(asked) > 15
    assert not asked - known
    page = (DOCS / "metrics.md").read_text()
    assert not {name for name in known if name.startswith("voxgate_") and name not in page}
