"""Who may ask the API for what: tokens, sessions, roles, pages of somebody else's, and how often."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.page_place import Place
from voxgate.admin.access import User
from voxgate.admin.auth import RATE
from voxgate.admin.roles import Role
from voxgate.guard.observation import Kind

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

API = "/api/v1"
WISH: dict[str, Any] = {"name": "prom", "role": "read-only", "days": 1}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def asked(
    place: Place, user: str, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    """One request of a browser that is logged in as `user`; `headers` over its own."""

    async def ask() -> httpx.Response:
        async with place.browser(user) as browser:
            return await browser.request(method, f"{API}{path}", headers=headers, **more)

    return asyncio.run(ask())


def token_of(place: Place) -> str:
    made = asked(place, "alice", "POST", "/tokens", json=WISH)
    assert made.status_code == 201
    token: str = made.json()["token"]
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_nobody_is_asked_who_he_is_and_another_way_to_say_it_is_refused(place: Place) -> None:
    nobody = asked(place, "", "GET", "/session")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    good = token_of(place)
    assert asked(place, "", "GET", "/session", {"Authorization": f"bearer  {good} "}).json()["who"] == "token:prom"
    for wrong in (f"Basic {good}", good, "Bearer", f"Bearer {good}x"):
        assert asked(place, "", "GET", "/session", {"Authorization": wrong}).status_code == 401


def test_a_token_is_good_until_its_last_second(place: Place) -> None:
    token = token_of(place)
    place.clock.passed_s = 86_399
    assert asked(place, "", "GET", "/session", bearer(token)).status_code == 200
    place.clock.passed_s = 86_400
    assert asked(place, "", "GET", "/session", bearer(token)).status_code == 401
    assert [(one.kind, one.user) for one in place.reports.heard] == [(Kind.AUTH_FAILURE, "prom")]


def test_only_an_administrator_makes_tokens(place: Place) -> None:
    answers = [asked(place, user, "POST", "/tokens", json=WISH).status_code for user in ("alice", "otto", "rita")]
    assert answers == [201, 403, 403]
    assert len(place.door.access.now().tokens) == 1


PAGES: list[tuple[dict[str, str], int]] = [
    ({}, 201),
    ({"X-CSRF-Token": ""}, 403),
    ({"X-CSRF-Token": "another's"}, 403),
    ({"Origin": "http://edge.test"}, 201),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 201),
    ({"Sec-Fetch-Site": "none"}, 201),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
]


def test_a_page_of_somebody_elses_changes_nothing_and_the_guard_hears_of_it(place: Place) -> None:
    answers = [asked(place, "alice", "POST", "/tokens", headers, json=WISH).status_code for headers, _ in PAGES]
    expected = [status for _, status in PAGES]
    assert answers == expected
    assert len(place.door.access.now().tokens) == expected.count(201)
    assert [(one.kind, one.detail) for one in place.reports.heard] == [(Kind.NOT_ALLOWED, "csrf")] * expected.count(403)


def test_whoever_only_looks_needs_no_proof_and_a_program_never(place: Place) -> None:
    foreign = {"X-CSRF-Token": "", "Origin": "http://evil.example"}
    assert asked(place, "rita", "GET", "/session", foreign).status_code == 200
    made = asked(place, "alice", "POST", "/tokens", json=WISH | {"role": "admin"}).json()["token"]
    assert asked(place, "", "POST", "/tokens", bearer(made), json=WISH).status_code == 201


@pytest.mark.parametrize(
    ("role", "changed_s", "status"), [(Role.ADMIN, -1, 200), (Role.ADMIN, 1, 401), (Role.OPERATOR, -1, 401)]
)
def test_a_session_ends_with_another_password_or_role(place: Place, role: Role, changed_s: float, status: int) -> None:
    async def visit() -> int:
        async with place.browser("alice") as browser:
            began_s = place.clock.wall().timestamp()
            more = User(name="alia", role=Role.ADMIN, password="x", changed=0)  # noqa: S106
            now = User(name="alice", role=role, password="y", changed=began_s + changed_s)  # noqa: S106
            place.door.access.change(lambda access: (access.with_user(more).with_user(now), None))
            return (await browser.get(f"{API}/session")).status_code

    assert asyncio.run(visit()) == status


def test_whoever_asks_too_often_is_told_when_to_come_again(place: Place) -> None:
    async def visit() -> list[httpx.Response]:
        async with place.browser("rita") as browser:
            answers = [await browser.get(f"{API}/session") for _ in range(int(RATE.burst) + 1)]
            place.clock.passed_s += 1
            return [*answers, await browser.get(f"{API}/session")]

    *answers, late, later = asyncio.run(visit())
    assert {answer.status_code for answer in answers} == {200}
    assert (late.status_code, late.headers["retry-after"]) == (429, "1")
    assert later.status_code == 200


def test_a_browser_keeps_its_session_to_itself_and_forgets_it_in_the_end(place: Place) -> None:
    for scheme, cookie in (("http", "voxgate"), ("https", "__Host-voxgate")):

        async def visit(url: str = f"{scheme}://edge.test{API}/session") -> str:
            async with place.browser() as browser:
                return (await browser.delete(url)).headers["set-cookie"]

        told = asyncio.run(visit())
        assert told.startswith(f'{cookie}="";')
        parts = {part.strip().lower() for part in told.split(";")[1:]}
        assert {"max-age=0", "path=/", "httponly", "samesite=strict"} <= parts
        assert ("secure" in parts) is (scheme == "https")
