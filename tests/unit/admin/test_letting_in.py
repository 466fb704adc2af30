"""Who is let in: passwords, tokens, sessions, and how often somebody may try."""

from __future__ import annotations

import itertools
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from voxgate.admin import passwords, tokens
from voxgate.admin.access import MOST_TOKENS, MOST_USERS, Access, AccessFile, Token, User, offered_setup, require_name
from voxgate.admin.attempts import Attempts, Rate, requester
from voxgate.admin.roles import Role, may
from voxgate.admin.sessions import MOST_PER_USER, Limits, Sessions
from voxgate.errors import HostError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(idle_s=60, longest_s=600)


def chance() -> tokens.Random:
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


def user(name: str, role: Role = Role.ADMIN) -> User:
    return User(name=name, role=role, password="x", changed=0)  # noqa: S106


def test_a_password_is_kept_as_something_else_and_known_again() -> None:
    kept = passwords.hashed("correct horse battery", chance())
    assert "correct" not in kept
    assert passwords.matches("correct horse battery", kept)
    assert not passwords.matches("correct horse batterx", kept)
    assert not passwords.matches("anything", passwords.NOBODY)


@pytest.mark.parametrize("kept", ["", "plain", "scrypt$99$8$1$AA==$AA==", "scrypt$15$8$1$*$*", "scrypt$15$8$1"])
def test_a_damaged_hash_lets_nobody_in(kept: str) -> None:
    assert not passwords.matches("", kept)


@pytest.mark.parametrize("password", ["short", "x" * 300, "aaaaaaaaaaaa", "alice-2024-ok", "121212121212"])
def test_what_is_guessed_first_is_no_password(password: str) -> None:
    with pytest.raises(UsageError):
        passwords.require_good(password, "alice")


def test_a_token_is_known_by_its_id_and_kept_as_a_hash() -> None:
    token_id, token, kept = tokens.made(chance())
    assert (tokens.id_of(token), tokens.matches(token, kept), token in kept) == (token_id, True, False)
    assert not tokens.matches(token[:-1] + "x", kept)


@pytest.mark.parametrize("text", ["", "vgt_", "vgt_zz", "vgt_" + "0" * 12 + "_" + "a" * 44, "x" * 10_000, "\ud800"])
def test_what_is_no_token_has_no_id(text: str) -> None:
    assert tokens.id_of(text) is None


def test_a_session_ends_when_idle_and_at_the_latest() -> None:
    sessions = Sessions(chance())
    key, begun = sessions.begin("alice", Role.ADMIN, 0)
    assert begun.csrf not in key
    assert all(sessions.find(key, now, LIMITS) for now in range(50, 600, 50))
    assert sessions.find(key, 601, LIMITS) is None
    key, _ = sessions.begin("alice", Role.ADMIN, 0)
    assert sessions.find(key, 61, LIMITS) is None
    assert sessions.find(key, 1, LIMITS) is None


def test_sessions_are_bounded_and_end_for_a_user() -> None:
    sessions = Sessions(chance())
    keys = [sessions.begin("alice", Role.ADMIN, 0)[0] for _ in range(MOST_PER_USER + 2)]
    assert [sessions.find(key, 1, LIMITS) is not None for key in keys] == [False, False, *[True] * MOST_PER_USER]
    other, _ = sessions.begin("bob", Role.OPERATOR, 0)
    sessions.end_of("alice")
    assert len(sessions) == 1
    sessions.end(other)
    assert len(sessions) == 0
    for number in range(300):
        sessions.begin(f"user{number}", Role.READ_ONLY, 0)
    assert len(sessions) == 200


def test_attempts_are_a_burst_and_then_a_rate_and_bounded() -> None:
    attempts = Attempts(Rate(burst=3, per_s=0.1), most=2)
    assert [round(attempts.take("a", 0)) for _ in range(4)] == [0, 0, 0, 10]
    assert attempts.wait_s("a", 10) == 0
    attempts.forget("a")
    assert [attempts.take(name, 0) for name in ("a", "b", "c")] == [0, 0, 0]
    assert len(attempts._buckets) == 2


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "?"),
    ],
)
def test_a_household_is_one_requester(address: str, counted: str) -> None:
    assert requester(address) == counted


def test_roles_include_what_is_less_and_nothing_else() -> None:
    table = {role: {needed for needed in Role if may(role, needed)} for role in Role}
    assert table == {
        Role.ADMIN: set(Role),
        Role.OPERATOR: {Role.OPERATOR, Role.READ_ONLY, Role.TURN},
        Role.READ_ONLY: {Role.READ_ONLY},
        Role.TURN: {Role.TURN},
    }


def test_the_last_administrator_stays_one() -> None:
    access = Access().with_user(user("alice"))
    with pytest.raises(UsageError, match="the last administrator"):
        access.without_user("alice")
    with pytest.raises(UsageError, match="the last administrator"):
        access.with_user(user("alice", Role.OPERATOR))
    with pytest.raises(UsageError, match="no user nobody"):
        access.without_user("nobody")
    with pytest.raises(UsageError, match="no token"):
        access.without_token("0" * 12)
    assert access.with_user(user("bob")).without_user("alice").users == (user("bob"),)


def test_users_and_tokens_are_bounded_and_each_is_found_by_its_own_name() -> None:
    access = Access(users=tuple(user(f"u{number}", Role.OPERATOR) for number in range(MOST_USERS - 1)))
    full = access.with_user(user("last"))
    with pytest.raises(UsageError, match="remove one first"):
        full.with_user(user("more"))
    assert full.with_user(user("u0")).user("u0") == user("u0")
    random = chance()
    made = [Token.new("prom", Role.READ_ONLY, 1, 0, random) for _ in range(MOST_TOKENS)]
    holding = Access(tokens=tuple(token for _, token in made[:-1])).with_token(made[-1][1])
    with pytest.raises(UsageError, match="remove one first"):
        holding.with_token(made[0][1])
    assert holding.token(made[7][1].id) == made[7][1]
    assert holding.token("nobody's") is None


def test_a_set_up_token_is_offered_until_there_is_an_administrator() -> None:
    access, token = offered_setup(Access(), 100, chance())
    assert access.setup is not None
    assert tokens.matches(token, access.setup.digest)
    assert access.with_user(user("bob", Role.OPERATOR)).setup == access.setup
    access = access.with_user(user("alice"))
    assert (access.setup, offered_setup(access, 100, chance())) == (None, (access, ""))


def test_the_file_is_for_its_owner_alone_and_seen_by_another_reader(tmp_path: Path) -> None:
    reader, writer = AccessFile(tmp_path / "admin"), AccessFile(tmp_path / "admin")
    assert reader.now() == Access()
    token, made = Token.new("prom", Role.READ_ONLY, 1, 0, chance())
    writer.change(lambda access: (access.with_token(made), None))
    assert reader.now().token(tokens.id_of(token) or "") == made
    assert stat.S_IMODE((tmp_path / "admin" / "access.json").stat().st_mode) == 0o600
    assert made.data()["until"] == "1970-01-02T00:00:00Z"
    writer.change(lambda access: (access.without_token(made.id), None))
    assert reader.now() == Access()


def test_a_damaged_file_is_told_and_nobody_is_let_in(tmp_path: Path) -> None:
    (tmp_path / "access.json").write_text('{"users": [{"name": "a"}]}')
    with pytest.raises(HostError, match=r"damaged at users\.0\.role"):
        AccessFile(tmp_path).now()


@pytest.mark.parametrize("name", ["", "-a", "a b", "a\nb", "x" * 65, "ä", "../a"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        require_name(name)


def test_no_change_is_lost_when_many_change_at_once(tmp_path: Path) -> None:
    random = chance()
    made = [Token.new("prom", Role.READ_ONLY, 1, 0, random)[1] for _ in range(16)]

    def add(token: Token) -> None:
        AccessFile(tmp_path).change(lambda access: (access.with_token(token), None))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, made))
    assert {token.id for token in AccessFile(tmp_path).now().tokens} == {token.id for token in made}
