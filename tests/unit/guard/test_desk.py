"""What people order and ask: bans by hand, the white list, lists, and the evidence."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.guard.world import ATTACKER, World, net
from voxgate.errors import UsageError
from voxgate.guard.desk import Desk
from voxgate.wire.guard_request import GuardAction, GuardRequest

if TYPE_CHECKING:
    from pathlib import Path

BANNED = net(f"{ATTACKER}/32")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "guard.db")


def ask(world: World, action: GuardAction, network: str = "", minutes: int | None = None, **more: str) -> Any:
    async def both() -> Any:
        data, text = await Desk(world.guard).ask(GuardRequest(action, network, minutes, **more))
        await world.settle()
        assert text
        return data

    return asyncio.run(both())


def test_a_ban_by_hand_lasts_as_long_as_it_says_and_is_lifted_by_hand(world: World) -> None:
    ask(world, GuardAction.BAN, ATTACKER, 30, note="spam")
    ask(world, GuardAction.BAN, "10.0.0.0/8")
    assert (world.kernel.hosts, world.kernel.networks) == ({BANNED: 1800}, {net("10.0.0.0/8")})
    listed = ask(world, GuardAction.BANS)["bans"]
    assert [(ban["network"], ban["seconds_left"], ban["note"]) for ban in listed] == [
        (str(BANNED), 1800, "spam"),
        ("10.0.0.0/8", None, ""),
    ]
    ask(world, GuardAction.UNBAN, ATTACKER)
    ask(world, GuardAction.UNBAN, "10.0.0.0/8")
    assert (world.kernel.hosts, world.kernel.networks) == ({}, set())
    assert not world.restarted().book.bans()


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("192.168.1.0/24", "holds 192.168.1.20/32"),
        ("198.51.100.9", "whitelisted"),
        ("0.0.0.0/0", "too wide"),
        ("example.com", "neither an address nor a network"),
        ("203.0.113.9; drop", "neither an address nor a network"),
    ],
)
def test_what_must_not_be_banned_is_refused_with_the_reason(world: World, network: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ask(world, GuardAction.BAN, network)
    assert not world.guard.book.bans()


def test_the_white_list_wins_at_once_and_outlives_a_restart(world: World) -> None:
    world.attack()
    assert ask(world, GuardAction.ALLOW, "203.0.113.0/24")["lifted"] == [str(BANNED)]
    assert world.kernel.hosts == {}
    assert net("203.0.113.0/24") in world.kernel.white
    world.restarted()
    world.attack(100)
    assert not world.guard.book.bans()
    ask(world, GuardAction.DISALLOW, "203.0.113.0/24")
    world.attack(100)
    assert world.guard.book.ban_of(BANNED)


def test_a_ban_moves_to_the_white_list_as_wide_as_it_was(world: World) -> None:
    world.attack(21, "2001:db8:1:2::5")
    ask(world, GuardAction.MOVE, "2001:db8:1:2::7")
    (allowed,) = world.guard.book.allowed()
    assert (str(allowed.network), allowed.note.startswith("was banned: 21 points")) == ("2001:db8:1:2::/64", True)
    assert world.kernel.hosts == {}
    with pytest.raises(UsageError, match="not banned"):
        ask(world, GuardAction.MOVE, ATTACKER)


@pytest.mark.parametrize(
    ("action", "network", "advice"),
    [
        (GuardAction.UNBAN, "203.0.113.77", "not banned"),
        (GuardAction.UNBAN, "10.1.1.1", "voxgate unban 10.0.0.0/8"),
        (GuardAction.UNBAN, "11.1.1.1", "voxgate allow 11.1.1.1/32"),
        (GuardAction.DISALLOW, "198.51.100.0/24", "guard.whitelist"),
    ],
)
def test_what_cannot_be_lifted_is_told_with_what_can(
    world: World, action: GuardAction, network: str, advice: str
) -> None:
    ask(world, GuardAction.BAN, "10.0.0.0/8")
    world.guard.take_feed("bad", frozenset({net("11.1.1.1/32")}))
    with pytest.raises(UsageError, match=advice):
        ask(world, action, network)


def test_why_tells_the_time_line_and_the_verdict(world: World) -> None:
    world.attack(2, proven=False)
    world.clock.move(seconds=1)
    world.attack(21, name="example.com", user="100", detail="401")
    data = ask(world, GuardAction.WHY, ATTACKER)
    assert data["ban"]["note"].startswith("21 points within a minute")
    assert len(data["evidence"]) == 23
    assert (data["evidence"][0]["weight"], data["evidence"][0]["proven"]) == (0, False)
    last = data["evidence"][-1]
    assert (last["protocol"], last["kind"], last["name"], last["user"], last["detail"], last["weight"]) == (
        *("sip", "auth_failure", "example.com", "100", "401"),
        1,
    )
    assert ask(world, GuardAction.WHY, "203.0.113.99")["evidence"] == []


def test_what_was_exported_is_imported_again(world: World, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(
        "# bad ones\n203.0.113.9 2026-11-21T12:30:00Z spam from there\n2001:db8::/48 - for good\n"
        "203.0.113.10\n192.168.1.0/24\n203.0.113.11 2026-11-21T11:00:00Z over\n"
    )
    data = ask(world, GuardAction.IMPORT, minutes=10, note="list", path=str(file))
    assert data == {"imported": 3, "left_out": 2}
    assert {str(ban.network): (ban.until, ban.note) for ban in world.guard.book.bans()} == {
        "203.0.113.9/32": (datetime(2026, 11, 21, 12, 30, tzinfo=UTC), "spam from there"),
        "2001:db8::/48": (datetime(2026, 11, 21, 12, 10, tzinfo=UTC), "for good"),
        "203.0.113.10/32": (datetime(2026, 11, 21, 12, 10, tzinfo=UTC), "list"),
    }


def test_a_file_that_is_no_list_changes_nothing(world: World, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("203.0.113.9\n<html>\n")
    with pytest.raises(UsageError, match="line 2: `<html>`"):
        ask(world, GuardAction.IMPORT, path=str(file))
    assert not world.guard.book.bans()
