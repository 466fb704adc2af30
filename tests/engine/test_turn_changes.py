"""TURN through the real coturn: what a change, a crash or a lack of rights does to allocations."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lab import tls
from lab.edge import Kept
from lab.topologies import EDGE_INSIDE, EDGE_PUBLIC
from tests.engine.office import MARKS
from tests.engine.turn_client import RefusedError, time_limited
from tests.engine.turn_place import (
    MEDIA_PORT,
    NEXT_SECRET,
    OFFICE,
    REST,
    SECRET,
    Place,
    Unprivileged,
    refused,
    running,
    turn,
)
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running() as made:
        yield made


def test_accounts_secrets_peers_and_quotas_change_without_ending_an_allocation(place: Place) -> None:
    pids = [place.edge.engine(name)["pid"] for name in ("coturn", "coturn-rest")]
    with ExitStack() as stack:
        stays = [stack.enter_context(place.client(credentials, "tcp")) for credentials in (OFFICE, REST)]
        for client in stays:
            client.allocate()
        both = [Kept("turn-next", NEXT_SECRET), Kept("turn-rest", SECRET)]
        accounts = {"desk": Kept("turn-desk", "desk horse desk")}
        place.apply(turn(accounts=accounts, shared_secret=both, peers=["172.16.0.0/24"], quota={"per_user": 4}))
        for good in (REST, time_limited(NEXT_SECRET)):
            with place.client(good) as client:
                client.allocate()
        with place.client() as client, pytest.raises(RefusedError):
            client.allocate()
        place.apply(turn(accounts=accounts, shared_secret=both[:1], peers=["172.16.0.0/24"], quota={"per_user": 4}))
        with place.client() as client, pytest.raises(RefusedError):
            client.allocate()
        # The open allocations are their users' still, and peers count for them from now on.
        until(lambda: refused(stays[0], "172.16.0.10") == 0)
        with place.listener("pbx-hq-a", "172.16.0.10", 7000) as pbx:
            stays[0].send("172.16.0.10", 7000, b"to the PBX")
            assert pbx.recv(100) == b"to the PBX"
        assert refused(stays[0], "172.16.8.10") == 403
        with place.listener("edge", EDGE_INSIDE, 7000) as own:
            stays[0].permit(EDGE_INSIDE)
            stays[0].send(EDGE_INSIDE, 7000, b"to ourselves")
            own.settimeout(0.5)
            with pytest.raises(TimeoutError):
                own.recv(100)
        greedy = [stack.enter_context(place.client(time_limited(NEXT_SECRET, "greedy"))) for _ in range(5)]
        for client in greedy[:4]:
            client.allocate()
        with pytest.raises(RefusedError) as caught:
            greedy[4].allocate()
        assert caught.value.code == 486
        assert [client.refresh() for client in stays] == [600, 600]
    assert pids == [place.edge.engine(name)["pid"] for name in ("coturn", "coturn-rest")]
    place.apply(turn())


def test_an_allocation_lives_on_when_the_certificate_is_renewed(place: Place) -> None:
    with place.client(OFFICE, "tls") as client:
        client.allocate()
        before = client.certificate
        place.identity = tls.authority().issue(place.folder, "edge.example.com", stem="renewed")
        place.apply(turn())
        for credentials in (OFFICE, REST):
            with place.client(credentials, "tls") as newcomer:
                newcomer.allocate()
                assert newcomer.certificate != before
        assert client.refresh() == 600
        client.permit(EDGE_PUBLIC)
        with place.listener("edge", EDGE_PUBLIC, MEDIA_PORT) as media:
            client.send(EDGE_PUBLIC, MEDIA_PORT, b"still here")
            assert media.recv(100) == b"still here"


def test_another_port_needs_a_word_because_allocations_end(place: Place) -> None:
    place.edge.write(place.config(turn(relay_ports="30000-31999")))
    plan = place.edge.command("plan", str(place.edge.file)).out
    assert "TURN: ports of the relay: 30000-32767 -> 30000-31999" in plan
    assert "allocations end, calls through them lose audio" in plan.partition("Needs your word")[2]


def test_it_comes_back_by_itself_when_it_is_killed(place: Place) -> None:
    for name, credentials in (("coturn", OFFICE), ("coturn-rest", REST)):
        for restarts in (1, 2):
            place.net.run("edge", ["kill", "-9", str(place.edge.engine(name)["pid"])])
            until(lambda name=name, n=restarts: place.edge.engine(name)["restarts"] == n)  # type: ignore[misc]
            until(lambda name=name: bool(place.edge.engine(name)["serving"]))  # type: ignore[misc]
            with place.client(credentials) as client:
                client.allocate()


def test_it_goes_without_a_trace(place: Place) -> None:
    without = place.config(turn())
    del without["turn"]
    refused = place.edge.apply(without)
    assert "allocations end" in refused.out + refused.err
    assert place.edge.apply(without, "--yes").code == 0
    assert not {one["name"] for one in place.edge.status()["engines"] if one["phase"] != "stopped"} & {
        "coturn",
        "coturn-rest",
    }
    assert "voxgate_coturn" not in place.net.run("edge", ["nft", "list", "tables"]).out


def test_where_packet_filters_are_not_ours_coturns_own_list_holds_and_status_says_so() -> None:
    with running(Unprivileged) as bare, bare.client() as client:
        client.allocate()
        assert [row["fenced"] for row in bare.edge.status()["turn"]] == [False, False]
        assert "WARNING coturn turn_not_fenced" in bare.edge.text()
        assert [refused(client, peer) for peer in ("172.16.0.10", "127.0.0.1", EDGE_PUBLIC)] == [403, 403, 0]
