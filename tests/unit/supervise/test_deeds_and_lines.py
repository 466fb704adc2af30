"""What the audit log says of a request, and which lines of the log are shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from voxgate.errors import ConfigError, Problem, UsageError
from voxgate.supervise.deeds import Deed, Ending, deed_of, outcome, refused
from voxgate.supervise.log import Record
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
    "request_", [EDIT, EditRequest(files={"a": "b"}), MetricsRequest(), LogsRequest("a", "", "x", 5)]
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

    def shown(**how: str) -> list[tuple[object, object]]:
        asked = {"unit": "", "level": "", "text": "", **how}
        return [(one["unit"], one["message"] or one["event"]) for one in ring.newest(**asked, limit=10)]

    assert shown() == [("voxgate", "late"), ("kamailio", "call 4712"), ("kamailio", "call 4711")]
    assert shown(level="warning") == [("voxgate", "late"), ("kamailio", "call 4712")]
    assert shown(text="4711") == [("kamailio", "call 4711")]
    assert shown(unit="voxgate") == [("voxgate", "late")]
    assert ring.newest("", "", "", 1)[0]["peer"] == "a\\x0ab"
