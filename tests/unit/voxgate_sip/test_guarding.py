"""What the script tells the guard, and whom it turns away by itself."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ksr.fake import FakeKsr
from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import INSIDE, PHONE, PHONE6, policy
from voxgate_sip.challenges import IN_FAILURE, IN_REPLY, SEPARATOR, SLOTS, TABLE, Challenges
from voxgate_sip.doorman import BURST_S, MOST_SOURCES, Doorman
from voxgate_sip.events import Emitter, Refusals
from voxgate_sip.policy import Hygiene, dumps, loads
from voxgate_sip.route import NO_ROUTES, Request, Router
from voxgate_sip.suspicion import FORGEABLE_PER_S, PROVEN_PER_S, Suspicion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from voxgate_sip.trunks import Trunk

HYGIENE = Hygiene(100, 4, ("friendly-scanner", "sipvicious"), injections=True)
PBX = "10.0.0.1"


@contextmanager
def heard(folder: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was told to the guard since the last time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(folder / "events.sock"))
        receiver.setblocking(False)

        def take() -> list[dict[str, Any]]:
            found = []
            while True:
                try:
                    found.append(json.loads(receiver.recv(65536)))
                except BlockingIOError:
                    return [one for one in found if one.get("event") == "suspicious"]

        yield take


class Door:
    """A doorman with a clock that stands."""

    def __init__(self, trunks: tuple[Trunk, ...] = (), **changes: object) -> None:
        self.fake = FakeKsr({"$sp": 5060})
        self.fake.answers["htable.sht_get"] = None
        self.now = 1000.0
        router = Router(policy(hygiene=HYGIENE, trunks={trunk.name: trunk for trunk in trunks}))
        hygiene = replace(HYGIENE, **changes)  # type: ignore[arg-type]
        self.doorman = Doorman(self.fake.ksr, router, hygiene, Refusals(self.fake.ksr, lambda: 0.0), lambda: self.now)

    def admitted(self, times: int, source: str = PHONE, proto: str = "udp", banned: str = "0") -> int:
        return sum(self.doorman.admits(source, proto, INSIDE, banned) for _ in range(times))


def test_a_burst_of_ten_seconds_worth_passes_and_then_the_rate() -> None:
    door = Door()
    # One of four workers that share the datagrams.
    assert door.admitted(2000) == pytest.approx(250, abs=2)
    door.now += 1
    assert door.admitted(2000) == pytest.approx(25, abs=2)
    door.now += 2 * BURST_S
    assert door.admitted(2000) == pytest.approx(250, abs=2)


def test_a_connection_has_all_of_it_because_one_worker_serves_it() -> None:
    assert Door().admitted(2000, proto="tcp") == pytest.approx(1000, abs=2)


def test_pbxs_and_registered_flows_are_never_too_fast() -> None:
    door = Door()
    assert door.admitted(5000, PBX) == 5000
    door.admitted(1000)
    door.fake.answers["htable.sht_get", "known", f"{PHONE} 5060"] = 1
    assert door.admitted(1000) == 1000


def test_a_flood_of_sources_does_not_grow() -> None:
    door = Door()
    for number in range(MOST_SOURCES * 2):
        assert door.admitted(1, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}9") == 1
    assert len(door.doorman._full_at) <= MOST_SOURCES


def test_no_limit_where_none_is_wanted() -> None:
    assert Door(rate=0).admitted(10_000) == 10_000


@pytest.mark.parametrize(
    ("source", "key"), [(PHONE, PHONE), ("2001:DB8:0:1:5:6:7:8", "2001:db8:0:1::"), (PHONE6, None)]
)
def test_whom_the_guard_banned_gets_silence_where_the_engines_enforce(source: str, key: str | None) -> None:
    door = Door()
    if key:
        door.fake.answers["htable.sht_get", "banned", key] = "1"
    assert door.admitted(1, source, banned="1") == (key is None)
    assert "tcpops.tcp_close_connection" not in door.fake.names()
    assert door.admitted(1, source, "tcp", banned="1") == (key is None)
    assert door.fake.names().count("tcpops.tcp_close_connection") == (key is not None)
    assert door.admitted(1, source, banned="0") == 1


REQUEST = Request("INVITE", PHONE, "udp", INSIDE, "pbx.example.com", "200", "pbx.example.com", "100", routes=NO_ROUTES)


@pytest.mark.parametrize(
    ("change", "turned_away"),
    [
        ({}, False),
        ({"agent": "friendly-scanner"}, True),
        ({"agent": "x SIPvicious 1\r\n folded"}, True),
        ({"agent": "Yealink SIP-T46S"}, False),
        ({"agent": "<null>"}, False),
        ({"agent": "friendly-scanner", "source": PBX}, False),
        ({"ruri_user": "1' or 1=1--"}, True),
        ({"user": "a%27 UNION all select 1"}, True),
        ({"to_user": "${jndi:ldap://x}"}, True),
        ({"user": "x;drop table users"}, True),
        ({"user": "sleep(5)"}, True),
        ({"user": "o'brien"}, False),
        ({"user": "+49-711.555;phone-context=x"}, False),
        ({"user": "union-select"}, False),
        ({"user": "grace hopper"}, False),
    ],
)
def test_scanners_and_injections_are_turned_away_and_odd_names_are_not(
    change: dict[str, str], *, turned_away: bool
) -> None:
    assert Door().doorman.turns_away(REQUEST._replace(**change)) is turned_away  # type: ignore[arg-type]


def test_hygiene_is_part_of_the_policy() -> None:
    made = policy(hygiene=HYGIENE)
    assert loads(dumps(made)) == made


def test_a_scanner_gets_silence_and_is_told_as_what_can_be_forged(tmp_path: Path) -> None:
    with heard(tmp_path) as told:
        edge = Edge(tmp_path, hygiene=HYGIENE)
        edge.phone("OPTIONS", ua="friendly-scanner")
        assert edge.done() == ["hdr.remove"] * edge.done().count("hdr.remove") + ["htable.sht_inc", "notice"]
        (event,) = told()
        assert (event["kind"], event["source"], event["name"], event["proven"]) == (
            *("scanner", PHONE, "pbx.example.com"),
            False,
        )
        edge.phone("OPTIONS", pr="tls", rd="nobody.example.net", ua="")
        (event,) = told()
        assert (event["kind"], event["name"], event["proven"]) == ("unknown_name", "nobody.example.net", True)


def test_what_is_told_is_bounded_and_what_is_proven_has_room_of_its_own(tmp_path: Path) -> None:
    with heard(tmp_path) as told:
        clock = [5.0]
        suspicion = Suspicion(Emitter(str(tmp_path / "events.sock")), lambda: clock[0])
        for _ in range(FORGEABLE_PER_S * 3):
            suspicion.refused("unknown-domain", PHONE, "udp", "x")
        assert len(told()) <= FORGEABLE_PER_S
        suspicion.refused("unknown-domain", PHONE, "tcp", "x")
        assert len(told()) == 1
        assert PROVEN_PER_S > FORGEABLE_PER_S
        suspicion.refused("calls-limit", PHONE, "tcp", "x")
        assert told() == []


class Pbx:
    """Answers of a PBX, with a table that is a dictionary."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeKsr()
        suspicion = Suspicion(Emitter(str(folder / "events.sock")), lambda: 0.0)
        self.challenges = Challenges(self.fake.ksr, Router(policy(hygiene=HYGIENE)), suspicion, b"key")

    def answers(self, code: int, nonce: str = "", credentials: str = "", source: str = PHONE, more: str = "") -> None:
        challenge = f'Digest realm="x", nonce="{nonce}"{more}' if nonce else "<null>"
        given = f'Digest username="100", nonce="{credentials}"' if credentials else "<null>"
        values = (source, given, "<null>", "example.com", challenge, "<null>")
        self.fake.answers["kx.get_status"] = code
        self.fake.answers["tm.t_get_status_code"] = code
        for template in (IN_REPLY, IN_FAILURE):
            self.fake.answers["pv.get", template] = SEPARATOR.join(values)
        self.challenges.replied()
        for table, slot, digest in self.fake.args_of("htable.sht_sets"):
            assert table == TABLE
            assert 0 <= int(slot) < SLOTS
            self.fake.answers["htable.sht_get", TABLE, slot] = digest
        self.fake.calls.clear()


@pytest.fixture
def pbx(tmp_path: Path) -> Pbx:
    made = Pbx(tmp_path)
    made.fake.answers["htable.sht_get"] = None
    return made


def test_refused_credentials_count_when_they_answer_a_challenge(tmp_path: Path, pbx: Pbx) -> None:
    with heard(tmp_path) as told:
        pbx.answers(401, "n1")
        assert told() == []
        pbx.answers(401, "n2", "n1")
        (event,) = told()
        assert (event["kind"], event["source"], event["user"], event["name"], event["detail"], event["proven"]) == (
            *("auth_failure", PHONE, "100", "example.com", "401"),
            True,
        )
        pbx.answers(403, "", "n2")
        assert [event["detail"] for event in told()] == ["403"]


@pytest.mark.parametrize(
    "answer",
    [
        (401, "n9", "never-sent", PHONE, ""),
        (401, "n9", "n1", "198.51.100.9", ""),
        (401, "n9", "n1", PHONE, ", stale=TRUE"),
        (401, "n9", "n1", PHONE, ', stale="true"'),
        (200, "", "n1", PHONE, ""),
        (503, "", "n1", PHONE, ""),
        (403, "", "", PHONE, ""),
    ],
    ids=["made-up", "of-another", "stale", "stale-quoted", "good", "pbx-away", "no-credentials"],
)
def test_what_is_no_failure_or_proves_nothing_is_not_told(
    tmp_path: Path, pbx: Pbx, answer: tuple[int, str, str, str, str]
) -> None:
    with heard(tmp_path) as told:
        pbx.answers(401, "n1")
        pbx.answers(*answer)
        assert told() == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_nobody_makes_a_nonce_that_stands_for_another_ones(first: str, second: str) -> None:
    challenges = Challenges(FakeKsr().ksr, Router(policy()), Suspicion(Emitter("/nowhere")), b"key")
    if first != second:
        assert challenges._place(PHONE, first) != challenges._place(PHONE, second)
        assert challenges._place(PHONE, first) != challenges._place(PBX, first)
