"""What the audit log says of a request, and which lines of the log are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from voxgate.errors import ConfigError, Problem, UsageError
from voxgate.supervise.deeds import Deed, Ending, deed_of, outcome, refused
from voxgate.supervise.log import Record
from voxgate.supervise.log_filter import LogFilter
from voxgate.supervise.log_ring import SET_UP, LogRing
from voxgate.wire.admin_request import Change, EditRequest, LogsRequest, MetricsRequest
from voxgate.wire.certs_request import CertsAction, CertsRequest
from voxgate.wire.control import (
    ApplyRequest,
    Request,
    RollbackRequest,
    StatusRequest,
    decode_request,
    encode_request,
)
from voxgate.wire.guard_request import GuardAction, GuardRequest

EDIT = EditRequest((Change(("pbxs", "hq", "nodes", 1), "s3cret"), Change(("turn",), remove=True)), "tag", ("pbxs",))
DEEDS: tuple[tuple[Request, Deed | None], ...] = (
    (EDIT, Deed("config.edit", "pbxs.hq.nodes[1] -turn")),
    (EditRequest(dry=True), None),
    (EditRequest(files={"voxgate.yaml": "x"}), Deed("config.replace", "voxgate.yaml")),
    (ApplyRequest(None), Deed("config.apply", "")),
    (RollbackRequest(7), Deed("config.rollback", "7")),
    (GuardRequest(GuardAction.BAN, "203.0.113.9"), Deed("guard.ban", "203.0.113.9")),
    (GuardRequest(GuardAction.WHY, "203.0.113.9"), None),
    (CertsRequest(CertsAction.RENEW), Deed("certs.renew", "all")),
    (CertsRequest(), None),
    (StatusRequest(), None),
)


@pytest.mark.parametrize(("request_", "deed"), DEEDS)
def test_what_changes_something_is_a_deed_without_its_values(request_: Request, deed: Deed | None) -> None:
    assert deed_of(request_) == deed


def test_how_it_ended() -> None:
    done = {"plan": {"changes": [{"sentence": "adds PBX x"}]}, "generation": 4, "reason": ""}
    assert outcome(done, 0) == Ending("done", "adds PBX x", 4)
    assert outcome(done | {"reason": "kamailio: no"}, 1) == Ending("failed", "kamailio: no", 4)
    wrong = ConfigError((Problem("f", 1, "a.b", "is wrong", "mend it"),))
    assert refused(wrong) == Ending("refused", "a.b: is wrong")
    assert refused(UsageError("no\n    advice")) == Ending("refused", "no")


@pytest.mark.parametrize(
    "request_", [EDIT, EditRequest(files={"a": "b"}), MetricsRequest(), LogsRequest("a", "", "x", 5, "c", "::1", "hq")]
)
def test_a_request_comes_through_the_socket_as_it_was(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


def line(level: str, unit: str, event: str, message: str = "") -> Record:
    return Record(datetime(2026, 1, 1, tzinfo=UTC), level, unit, event, message, (("peer", "a\nb"),))


def test_the_newest_lines_that_fit_and_never_the_first_administrators_token() -> None:
    ring = LogRing(most=3)
    for record in (
        line("info", "voxgate", "old"),
        line("info", "voxgate", SET_UP, "token"),
        line("info", "kamailio", "line", "call 4711"),
        line("error", "kamailio", "line", "call 4712"),
        line("warning", "voxgate", "late"),
    ):
        ring.add(record)

    def shown(**how: Any) -> list[tuple[object, object]]:
        return [(one["unit"], one["message"] or one["event"]) for one in ring.newest(LogFilter(**how), 10)]

    assert shown() == [("voxgate", "late"), ("kamailio", "call 4712"), ("kamailio", "call 4711")]
    assert shown(level="warning") == [("voxgate", "late"), ("kamailio", "call 4712")]
    assert shown(text="4711") == [("kamailio", "call 4711")]
    assert shown(unit="voxgate") == [("voxgate", "late")]
    assert ring.newest(LogFilter(), 1)[0]["peer"] == "a\\x0ab"


@pytest.mark.parametrize(
    ("text", "wanted", "fits"),
    [
        ("from 203.0.113.7:5060 came", {"address": "203.0.113.7"}, True),
        ("from 203.0.113.77 came", {"address": "203.0.113.7"}, False),
        ("from 1.203.0.113.7 came", {"address": "203.0.113.7"}, False),
        ("from [2001:db8::1]:5060", {"address": "2001:db8::1"}, True),
        ("from 2001:db8::12", {"address": "2001:db8::1"}, False),
        ("call a-b@c failed", {"call": "a-b@c"}, True),
        ("call A-B@C failed", {"call": "a-b@c"}, False),
        ("INVITE sip:600@example.com", {"pbx": "hq", "words": ("192.168.1.20", "example.com")}, True),
        ("INVITE sip:600@branch.example.com", {"pbx": "hq", "words": ("192.168.1.20", "example.com")}, False),
        ("to sip:192.168.1.20:5060", {"pbx": "hq", "words": ("192.168.1.20",)}, True),
        ("192.168.1.20 and 203.0.113.7", {"pbx": "hq", "words": ("192.168.1.20",), "address": "203.0.113.7"}, True),
        ("192.168.1.20 alone", {"pbx": "hq", "words": ("192.168.1.20",), "address": "203.0.113.7"}, False),
        ("anything", {"pbx": "nobody"}, False),
        ("(.*)+$", {"pbx": "hq", "words": ("(.*)+$",)}, True),
    ],
)
def test_lines_about_one_call_address_or_pbx(text: str, wanted: dict[str, Any], fits: bool) -> None:
    assert LogFilter(**wanted).wants({"message": text, "unit": "kamailio"}) is fits


def test_a_line_that_names_the_pbx_is_the_pbxs() -> None:
    assert LogFilter(pbx="hq").wants({"pbx": "hq", "message": ""})
    assert not LogFilter(pbx="hq", address="203.0.113.7").wants({"pbx": "hq", "message": ""})
