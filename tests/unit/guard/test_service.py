"""From observations to walls: who is banned, who never is, what is kept over a restart."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from tests.unit.guard.world import ATTACKER, START, FakeWall, World, net, rules, seen
from voxgate.guard.bans import GUARD, HAND, Ban
from voxgate.guard.observation import Kind, ServiceType

if TYPE_CHECKING:
    from pathlib import Path

BANNED = net(f"{ATTACKER}/32")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "guard.db")


def settle(world: World, turn: int = 0) -> None:
    asyncio.run(world.settle(turn))


def test_above_the_threshold_and_not_at_it_somebody_is_banned_for_the_configured_time(world: World) -> None:
    world.attack(20)
    settle(world)
    assert world.kernel.hosts == {}
    world.attack(1)
    settle(world)
    assert world.kernel.hosts == {BANNED: 3600}
    (ban,) = world.guard.book.bans()
    assert (ban.origin, ban.offence, ban.note) == (
        GUARD,
        1,
        "21 points within a minute, above 20: 21 auth_failure (sip)",
    )


def test_all_protocols_count_together_and_so_do_all_addresses_of_an_ipv6_requester(world: World) -> None:
    for number, protocol in enumerate((ServiceType.SIP, ServiceType.HTTP, ServiceType.LDAP) * 7):
        world.attack(1, f"2001:db8:1:2::{number + 1:x}", protocol=protocol)
    settle(world)
    assert world.kernel.hosts == {net("2001:db8:1:2::/64"): 3600}
    (ban,) = world.guard.book.bans()
    assert ban.note.endswith("(http, ldap, sip)")


def test_slower_than_the_threshold_is_not_banned(world: World) -> None:
    for _ in range(100):
        world.attack(1)
        world.clock.move(seconds=3.1)
    assert not world.guard.book.bans()


@pytest.mark.parametrize("source", ["192.168.1.20", "198.51.100.7"])
def test_pbxs_and_the_white_list_are_never_banned(world: World, source: str) -> None:
    world.attack(100, source)
    assert not world.guard.book.bans()
    assert world.guard.ledger.evidence(net(f"{source}/32"))[-1].result.startswith("not counted")


def test_what_can_be_forged_bans_nobody_however_much_it_is(world: World) -> None:
    world.attack(5000, kind=Kind.SCANNER, proven=False)
    assert not world.guard.book.bans()
    assert world.guard.ledger.evidence(BANNED)[-1].result == "not counted: the address can be forged"


def test_an_office_with_registered_phones_gets_an_alert_and_no_ban(world: World) -> None:
    world.registered = lambda network: 199 if network == BANNED else 0
    world.attack(100)
    world.attack(100, "203.0.113.10")
    assert [ban.network for ban in world.guard.book.bans()] == [net("203.0.113.10/32")]
    (alert,) = world.guard.findings.alerts()
    assert (alert.requester, alert.phones) == (BANNED, 199)


def test_registered_phones_protect_only_where_it_is_wanted(tmp_path: Path) -> None:
    world = World(tmp_path / "db", rules(protect_registered=False), registered=lambda _: 199)
    world.attack()
    assert world.guard.book.bans()


def test_a_ban_is_over_after_its_time_and_its_requester_begins_anew(world: World) -> None:
    world.attack()
    settle(world)
    world.clock.move(minutes=60)
    settle(world)
    assert not world.guard.book.bans()
    assert world.kernel.hosts == {}
    world.attack(20)
    assert not world.guard.book.bans()


def test_repeat_offenders_stay_out_longer_where_it_is_wanted(tmp_path: Path) -> None:
    world = World(tmp_path / "db", rules(factor=4))
    lengths = []
    for _ in range(3):
        world.attack()
        (ban,) = world.guard.book.bans()
        lengths.append((ban.until or START) - ban.since)
        world.clock.now = ban.until or START
        settle(world)
        # The count outlives a restart.
        world.restarted()
    assert [length.total_seconds() / 3600 for length in lengths] == [1, 4, 16]


def test_bans_and_evidence_outlive_a_restart(world: World) -> None:
    world.attack(name="example.com", user="100", detail="403")
    settle(world)
    world.clock.move(minutes=10)
    world.kernel = FakeWall()
    guard = world.restarted()
    settle(world)
    assert world.kernel.hosts == {BANNED: 3000}
    evidence = guard.store.evidence(BANNED)
    assert len(evidence) == 21
    assert evidence[-1].result == "banned for 60 min"
    assert (evidence[0].observation.name, evidence[0].observation.user) == ("example.com", "100")


def test_a_damaged_file_does_not_keep_the_guard_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "guard.db"
    path.write_bytes(b"no database at all" * 1000)
    world = World(path)
    world.attack()
    settle(world)
    assert world.restarted().book.bans()


def test_a_kernel_that_is_not_ours_leaves_it_to_the_engines(tmp_path: Path) -> None:
    world = World(tmp_path / "db", kernel=FakeWall(refuses="Operation not permitted"))
    world.attack()
    settle(world)
    assert (world.engine.hosts, world.guard.walls.by_kernel) == ({BANNED: 3600}, False)
    assert world.guard.walls.alone_because == "Operation not permitted"


def test_a_table_that_somebody_flushed_is_built_again(world: World) -> None:
    world.attack()
    settle(world)
    world.kernel.there, world.kernel.hosts = False, {}
    settle(world, 9)
    assert world.kernel.hosts == {BANNED: 3600}


def test_a_change_that_the_kernel_refused_is_made_good_by_the_whole(world: World) -> None:
    settle(world)
    world.attack()
    world.kernel.refuses = "busy"
    settle(world)
    world.kernel.refuses = ""
    settle(world)
    assert world.kernel.hosts == {BANNED: 3600}


def test_a_feed_shuts_out_and_what_it_drops_is_let_in_unless_it_is_banned_too(world: World) -> None:
    world.guard.take_feed("bad", frozenset({BANNED, net("203.0.113.10/32"), net("10.0.0.0/8")}))
    world.attack()
    settle(world)
    assert world.kernel.hosts == {BANNED: None, net("203.0.113.10/32"): None}
    assert world.kernel.networks == {net("10.0.0.0/8")}
    world.guard.take_feed("bad", frozenset())
    settle(world)
    assert (world.kernel.hosts, world.kernel.networks) == ({BANNED: 3600}, set())


def test_a_network_that_is_lifted_leaves_the_others_in_place(world: World) -> None:
    for text in ("10.0.0.0/8", "11.0.0.0/8"):
        world.guard.put(Ban(net(text), HAND, START, None))
    settle(world)
    world.guard.lift(net("10.0.0.0/8"))
    settle(world)
    assert world.kernel.networks == {net("11.0.0.0/8")}


def test_a_guard_that_is_off_counts_nothing_and_takes_its_walls_down(world: World) -> None:
    settle(world)
    assert world.kernel.there
    world.guard.follow(rules(enabled=False))
    world.attack(100)
    settle(world)
    assert (world.kernel.there, world.guard.book.bans()) == (False, ())


def test_the_security_log_has_a_line_for_each_and_a_bound(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "voxgate.security"):
        world.attack(21, name="example.com")
        world.attack(1000, proven=False)
        world.clock.move(seconds=1)
        world.guard.report(seen(at=world.clock.now))
    lines = [record.getMessage() for record in caplog.records if record.name == "voxgate.security"]
    assert lines[0] == (
        f"event=auth_failure src_ip={ATTACKER} protocol=sip name=example.com user=- proven=yes detail=-"
    )
    assert lines[21] == (
        f"event=ban src_ip={ATTACKER} protocol=sip network={BANNED} kind=auth_failure minutes=60 offence=1 score=21"
    )
    assert "event=suppressed lines=995" in lines
    assert len(lines) == 21 + 1 + 5 + 1 + 1


def test_open_connections_of_who_is_newly_shut_out_are_closed_once(world: World) -> None:
    world.attack()
    settle(world)
    settle(world)
    assert world.kernel.cut_off == [({BANNED}, set())]
    world.guard.put(Ban(net("192.168.0.0/16"), HAND, START, None))
    settle(world)
    # The PBX in it is spared.
    assert world.kernel.cut_off[1:] == [({net("192.168.0.0/16")}, {net("192.168.1.20/32")})]
    world.guard.lift(BANNED)
    settle(world)
    assert len(world.kernel.cut_off) == 2


def test_a_feed_cuts_off_whom_it_adds_but_nobody_who_is_white(world: World) -> None:
    settle(world)
    one, two, white = net("203.0.113.7/32"), net("10.0.0.0/8"), net("198.51.100.7/32")
    world.guard.take_feed("bad", frozenset({one, two, white}))
    settle(world)
    world.guard.take_feed("bad", frozenset({one, two, white, net("203.0.113.8/32")}))
    settle(world)
    assert [cut for cut, _ in world.kernel.cut_off] == [{one, two}, {net("203.0.113.8/32")}]


def test_connections_are_closed_also_when_the_kernel_had_forgotten_the_table(world: World) -> None:
    settle(world)
    world.kernel.refuses = "No such file or directory"
    world.attack()
    settle(world)
    world.kernel.refuses = ""
    settle(world)
    assert [cut for cut, _ in world.kernel.cut_off] == [{BANNED}]


def test_where_the_kernel_closes_nothing_the_engines_do(tmp_path: Path) -> None:
    world = World(tmp_path / "db", kernel=FakeWall(refuses="Operation not permitted"))
    world.attack()
    settle(world)
    settle(world)
    assert [cut for cut, _ in world.engine.cut_off] == [{BANNED}]


def test_an_engine_that_began_anew_is_told_at_once_where_it_enforces(tmp_path: Path) -> None:
    world = World(tmp_path / "db", kernel=FakeWall(refuses="Operation not permitted"))
    world.attack()
    settle(world)
    world.engine.hosts = {}
    world.guard.engine_returned()
    settle(world)
    assert world.engine.hosts == {BANNED: 3600}


def test_the_kernel_forgets_nothing_when_an_engine_begins_anew(world: World) -> None:
    settle(world)
    world.guard.engine_returned()
    settle(world)
    assert world.kernel.built == 1
