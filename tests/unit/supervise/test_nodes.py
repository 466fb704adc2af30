from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from voxgate.errors import EngineError, HostError, PeerError
from voxgate.supervise.nodes import EventSocket, NodeWatch, listed, nodes_of, open_event_socket
from voxgate.supervise.status import NodeState, NodeStatus
from voxgate_sip.policy import Node, Pbx, Policy

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A, B = "sip:192.168.1.20:5060;transport=udp", "sip:[fd00::20]:5061;transport=tls"
INTERVAL_S = 5.0
#: Two intervals and the time an answer may take.
WINDOW_S = 15.0


@dataclass
class FakeClock:
    passed_s: float = 0.0

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s


@dataclass
class FakeRpc:
    """Answers with `flags` of each node, as Kamailio 5.6 does; an error is raised."""

    flags: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None

    async def call(self, method: str, *params: str | int) -> object:
        assert (method, params) == ("dispatcher.list", ("short",))
        if self.error:
            raise self.error
        return answer(self.flags)


def answer(flags: dict[str, str]) -> object:
    """The shape of `dispatcher.list short`, with one set for each node."""
    sets = [
        {"SET": {"ID": number, "TARGETS": [{"DEST": {"URI": uri, "FLAGS": letters, "PRIORITY": 0}}]}}
        for number, (uri, letters) in enumerate(flags.items(), 1)
    ]
    return {"NRSETS": len(sets), "RECORDS": sets}


def unknown(pbx: str, address: str, port: int, transport: str) -> NodeStatus:
    return NodeStatus(pbx, address, port, transport, NodeState.UNKNOWN, None)


NODES = {A: unknown("hq", "192.168.1.20", 5060, "udp"), B: unknown("branch", "fd00::20", 5061, "tls")}


def watching(clock: FakeClock) -> NodeWatch:
    watch = NodeWatch(clock)
    watch.follow(NODES, INTERVAL_S)
    return watch


def states(watch: NodeWatch) -> list[str]:
    return [node.state.value for node in watch.snapshot()]


def refresh(watch: NodeWatch, **answers: object) -> None:
    asyncio.run(watch.refresh(FakeRpc(**answers)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("passed_s", "flags", "state"),
    [
        pytest.param(0.0, "AP", "unknown", id="active, before it was asked"),
        pytest.param(WINDOW_S - 0.1, "AP", "unknown", id="active, an answer may still be missing"),
        pytest.param(WINDOW_S, "AP", "up", id="active, a check had the time to fail"),
        pytest.param(WINDOW_S, "AX", "up", id="active, not probed"),
        pytest.param(0.0, "IP", "down", id="inactive counts at once: somebody found out"),
        pytest.param(WINDOW_S, "IP", "down", id="inactive"),
        pytest.param(WINDOW_S, "DX", "down", id="disabled"),
        pytest.param(WINDOW_S, "TP", "unknown", id="being tried: nothing is known yet"),
    ],
)
def test_what_the_list_says_counts_from_when_it_can_be_known(passed_s: float, flags: str, state: str) -> None:
    clock = FakeClock()
    watch = watching(clock)
    clock.passed_s = passed_s
    refresh(watch, flags={A: flags})
    assert states(watch) == [state, "unknown"]


def test_an_event_counts_at_once_and_gives_the_moment() -> None:
    clock = FakeClock()
    watch = watching(clock)
    clock.passed_s = 3.0
    watch.report(A, NodeState.UP)
    clock.passed_s = 4.0
    watch.report(A, NodeState.UP)
    node = watch.snapshot()[0]
    assert (node.state, node.since) == (NodeState.UP, START + timedelta(seconds=3))


def test_a_node_that_is_down_stays_down_when_a_new_list_calls_it_active() -> None:
    clock = FakeClock()
    watch = watching(clock)
    watch.report(A, NodeState.DOWN)
    watch.report(B, NodeState.UP)
    clock.passed_s = 100.0
    watch.starts_afresh()
    refresh(watch, flags={A: "AP", B: "AP"})
    assert states(watch) == ["down", "up"]
    clock.passed_s += WINDOW_S
    refresh(watch, flags={A: "AP", B: "AP"})
    assert states(watch) == ["up", "up"]


def test_what_is_known_stays_when_other_nodes_are_followed() -> None:
    clock = FakeClock()
    watch = watching(clock)
    watch.report(A, NodeState.UP)
    watch.follow({A: NODES[A]}, INTERVAL_S)
    assert states(watch) == ["up"]
    watch.follow(NODES, INTERVAL_S)
    assert states(watch) == ["up", "unknown"], "what is known of a node goes with it"


@pytest.mark.parametrize("error", [PeerError("no answer"), EngineError("kamailio", "refused")])
def test_without_a_list_what_is_known_stays(error: Exception) -> None:
    clock = FakeClock(1000.0)
    watch = watching(clock)
    watch.report(A, NodeState.UP)
    refresh(watch, error=error)
    assert states(watch) == ["up", "unknown"]


def test_a_node_of_another_generation_counts_for_nothing() -> None:
    watch = watching(FakeClock())
    watch.report("sip:192.168.1.99:5060;transport=udp", NodeState.UP)
    assert states(watch) == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        pytest.param(answer({A: "AP", B: "IP"}), {(A, "AP"), (B, "IP")}, id="two sets"),
        pytest.param(answer({A: "TP"}), set(), id="being tried"),
        pytest.param({"NRSETS": 0, "RECORDS": []}, set(), id="no sets"),
        pytest.param(None, set(), id="nothing"),
        pytest.param("text", set(), id="text"),
        pytest.param({"URI": 5, "FLAGS": None}, set(), id="other types"),
        pytest.param([[{"URI": A, "FLAGS": "AP", "more": [1]}]], {(A, "AP")}, id="another nesting"),
    ],
)
def test_the_list_is_read_wherever_its_entries_stand(tree: object, found: set[tuple[str, str]]) -> None:
    assert set(listed(tree)) == found


@pytest.mark.parametrize(
    ("datagram", "state"),
    [
        pytest.param({"event": "node", "uri": A, "state": "up"}, "up", id="up"),
        pytest.param({"event": "node", "uri": A, "state": "down"}, "down", id="down"),
        pytest.param({"event": "node", "uri": A, "state": "sideways"}, "unknown", id="another state"),
        pytest.param({"event": "node", "uri": 5, "state": "up"}, "unknown", id="no URI"),
        pytest.param({"event": "else", "uri": A, "state": "up"}, "unknown", id="another event"),
        pytest.param([A, "up"], "unknown", id="a list"),
    ],
)
def test_events_are_taken_and_all_else_is_dropped(datagram: object, state: str) -> None:
    watch = watching(FakeClock())
    EventSocket(watch).datagram_received(json.dumps(datagram).encode(), None)
    assert states(watch)[0] == state


@pytest.mark.parametrize("datagram", [b"", b"{", b"\xff\xfe", b"\x00" * 100, b"[" * 500, b"null"])
def test_garbage_on_the_event_socket_is_dropped(datagram: bytes) -> None:
    watch = watching(FakeClock())
    EventSocket(watch).datagram_received(datagram, None)
    assert states(watch) == ["unknown", "unknown"]


def test_every_node_of_a_policy_is_followed_by_its_uri() -> None:
    plain = Node(A, "192.168.1.20", 5060, "udp", "i4", 1, 50)
    secure = Node(B, "fd00::20", 5061, "tls", "i6", 1, 50)
    pbx = Pbx("hq", 7, "weight", (plain,), (secure,), frozenset({503}), 2000)
    none: frozenset[str] = frozenset()
    policy = Policy(1, "edge", none, none, {}, {"hq": pbx}, {}, (), hide_topology=True, media=True, shun_s=1)
    assert nodes_of(policy) == {
        A: unknown("hq", "192.168.1.20", 5060, "udp"),
        B: unknown("hq", "fd00::20", 5061, "tls"),
    }


def test_the_event_socket_replaces_a_stale_one_and_is_for_its_group_only(tmp_path: Path) -> None:
    path = tmp_path / "events.sock"
    path.touch()
    with open_event_socket(path, -1) as receiver:
        assert path.is_socket()
        assert path.stat().st_mode & 0o777 == 0o660
        assert receiver.getblocking() is False


def test_an_event_socket_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"nowhere/events\.sock cannot be opened"):
        open_event_socket(tmp_path / "nowhere" / "events.sock", -1)


def test_an_event_of_parts_reaches_its_listener_and_any_other_nobody() -> None:
    heard: list[object] = []
    ears = EventSocket(watching(FakeClock()), {"cdr": heard.append})
    for datagram in (b"cdr\x1dended\x1d1.0\x1dtext", b"other\x1dx", b"", b"\xff\xfe"):
        ears.datagram_received(datagram, None)
    assert heard == [{"event": "cdr", "parts": ["ended", "1.0", "text"]}]


def test_whoever_shows_another_certificate_counts_as_down_whatever_he_answers() -> None:
    clock = FakeClock()
    watch = watching(clock)
    clock.passed_s = WINDOW_S
    refresh(watch, flags={A: "AP"})
    watch.vouch(A, good=False)
    refresh(watch, flags={A: "AP"})
    watch.report(A, NodeState.UP)
    assert states(watch)[0] == "down"
    watch.vouch(A, good=True)
    refresh(watch, flags={A: "AP"})
    assert states(watch)[0] == "up"
    watch.vouch("sip:of-another-generation", good=False)
