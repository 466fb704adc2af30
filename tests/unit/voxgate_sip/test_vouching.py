"""Whose certificate it is that somebody shows at a provider's address, and what may be sent there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.shared import Shared
from tests.unit.voxgate_sip.test_route_trunks import router
from voxgate_sip.events import Emitter, Refusals
from voxgate_sip.legs import Legs
from voxgate_sip.policy import dumps
from voxgate_sip.vouching import ASK_EVERY_S, NotVouchedError, Vouching, speaks_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import FakeKsr

HUB, HOP = "sip.hub.example", "198.51.100.7 5061 TLS"
TRUNK: dict[str, Any] = {
    "server": HUB,
    "addresses": ["198.51.100.7"],
    "transport": "tls",
    "tls": {"ca": "/etc/ssl/hub.pem"},
    "pbxs": "hq",
}
ANSWER: dict[str, Any] = {
    "$si": "198.51.100.7",
    "$sp": 5061,
    "$conid": 7,
    "$tls_peer_verified": "1",
    "$tls_peer_subject_cn": HUB,
}


class Worker:
    """A worker's look at one hub; `answer` comes from there."""

    def __init__(self, folder: Path, **tls: object) -> None:
        self.shared = Shared()
        self.fake: FakeKsr = self.shared.fake
        policy = router({"hub": {**TRUNK, "tls": {**TRUNK["tls"], **tls}}})
        events = Emitter(str(folder / "events.sock"))
        self.now_s = 0.0
        self.vouching = Vouching(self.fake.ksr, policy, Refusals(self.fake.ksr), events, lambda: self.now_s)
        self.leg = Legs(self.fake.ksr, policy).to("o4", "tls")

    def answers(self, **changes: object) -> None:
        self.fake.variables |= ANSWER | {f"${name}": value for name, value in changes.items()}
        self.vouching.answered()

    def uses(self) -> list[tuple[str | int, ...]]:
        """Over which connection a request goes now."""
        self.fake.calls.clear()
        self.vouching.use(self.leg, HOP)
        return self.fake.args_of("tcpops.tcp_set_otcpid")


def test_only_a_connection_that_was_vouched_for_is_used(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    with pytest.raises(NotVouchedError):
        worker.uses()
    worker.answers()
    assert worker.uses() == [(7,)]
    assert worker.fake.args_of("tcpops.tcp_set_otcpid_flag") == [(1,)]
    worker.fake.answers["tcpops.tcp_conid_alive"] = -1
    with pytest.raises(NotVouchedError):
        worker.uses()


@pytest.mark.parametrize(
    "changes",
    [{"tls_peer_subject_cn": "other.hub.example"}, {"tls_peer_verified": "0"}, {"tls_peer_subject_cn": "<null>"}],
    ids=["another name", "signed by others", "no name"],
)
def test_who_cannot_show_the_name_is_cut_off_and_told_of(tmp_path: Path, changes: dict[str, str]) -> None:
    worker = Worker(tmp_path)
    worker.answers()
    worker.answers(**changes)
    assert worker.fake.args_of("tcpops.tcp_close_connection") == [()]
    assert "trunk_is_somebody_else" in str(worker.fake.args_of("err"))
    with pytest.raises(NotVouchedError):
        worker.uses()


def test_a_voucher_is_for_one_name(tmp_path: Path) -> None:
    before, after = Worker(tmp_path), Worker(tmp_path, server_name="new.hub.example")
    before.answers()
    after.shared.tables = before.shared.tables
    with pytest.raises(NotVouchedError):
        after.uses()


def test_an_answer_from_elsewhere_vouches_for_nobody(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.answers(si="192.0.2.1")
    worker.answers(sp=5062)
    with pytest.raises(NotVouchedError):
        worker.uses()


def test_who_is_there_is_asked_until_somebody_vouches(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.vouching.sweep()
    worker.answers()
    worker.vouching.sweep()
    [(method, uri, *_)] = worker.fake.args_of("tm.t_uac_send")
    assert (method, uri) == ("OPTIONS", "sip:198.51.100.7:5061;transport=tls")
    worker.vouching.asks(HOP)
    assert worker.fake.args_of("tm.t_on_reply") == [("ksr_vouched",)]


def test_who_is_there_is_asked_at_once_and_who_is_silent_not_again_at_once(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    asked_at_s = []
    for step in range(50):
        worker.now_s = step / 4
        worker.fake.calls.clear()
        worker.vouching.sweep()
        asked_at_s += [worker.now_s] * len(worker.fake.args_of("tm.t_uac_send"))
    assert asked_at_s == [0, ASK_EVERY_S, 2 * ASK_EVERY_S]


def test_a_connection_that_closes_is_opened_again_at_once(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.vouching.sweep()
    worker.answers()
    worker.now_s = ASK_EVERY_S
    worker.vouching.sweep()
    assert len(worker.fake.args_of("tm.t_uac_send")) == 1
    worker.fake.answers["tcpops.tcp_conid_alive"] = -1
    worker.now_s += 0.25
    worker.vouching.sweep()
    assert len(worker.fake.args_of("tm.t_uac_send")) == 2


def test_what_goes_elsewhere_takes_back_what_was_set_before(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.vouching.use(worker.leg, "192.0.2.1 5061 TLS")
    assert worker.fake.args_of("tcpops.tcp_set_otcpid_flag") == [(0,)]


@pytest.mark.parametrize("tls", [{"check_name": False}, {"ca": None}], ids=["not asked for", "no authority"])
def test_nothing_is_looked_at_where_nobody_wants_it(tmp_path: Path, tls: dict[str, object]) -> None:
    assert not Worker(tmp_path, **tls).vouching.active


@pytest.mark.parametrize(
    ("names", "common", "good"),
    [
        (("sip.hub.example",), "", True),
        (("other.example", "SIP.Hub.Example"), "", True),
        (("sip:sip.hub.example",), "", True),
        (("*.hub.example",), "", True),
        ((), "sip.hub.example", True),
        ((), "*.hub.example", True),
        (("other.example",), "sip.hub.example", False),
        (("postmaster@sip.hub.example",), "sip.hub.example", True),
        (("*.example",), "", False),
        (("hub.example",), "", False),
        (("*",), "*", False),
        ((), "", False),
    ],
)
def test_a_certificate_is_for_a_host_by_its_names(names: tuple[str, ...], common: str, *, good: bool) -> None:
    assert speaks_for("sip.hub.example", names, common) is good


def test_a_star_is_never_a_whole_top_level() -> None:
    assert not speaks_for("hub.example", ("*.example",), "")


def test_a_worker_that_had_no_request_since_a_change_knows_the_trunk_all_the_same(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    hub = router({"hub": TRUNK}).policy
    edge.path.write_text(dumps(replace(hub, generation=8)))
    edge.fake.variables |= ANSWER | {"$shv(generation)": 8, "$tls_peer_raw_cert": ""}
    assert edge.reply("ksr_vouched") == 1
    assert edge.said("htable.sht_setxi") == [("vouched", f"{HOP} {HUB}", 7, 86400)]
