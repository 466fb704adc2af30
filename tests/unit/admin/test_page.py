"""The pages' ground: who is let in, what a browser may do with a page, what strangers wrote is text."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.admin.page_place import PASSWORD, STATUS, Place
from voxgate.admin.access import offered_setup
from voxgate.admin.page import assets
from voxgate.admin.page.frame import POLICY
from voxgate.admin.page.site import PAGES
from voxgate.errors import HostError
from voxgate.supervise.control import Told
from voxgate.wire.control import StatusRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TEMPLATES = Path(assets.__file__).with_name("templates")
VENDORED = {
    "vendor/htmx.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    "vendor/uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "vendor/uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def run(what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(what())  # type: ignore[arg-type]


def test_without_a_session_a_page_leads_to_the_log_in_and_back(place: Place) -> None:
    async def visit() -> None:
        async with place.browser() as browser:
            sent = await browser.get("/?x=1")
            assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2F%3Fx%3D1")
            form = {"user": "alice", "password": PASSWORD, "next": "/?x=1"}
            back = await browser.post("/login", data=form)
            assert (back.status_code, back.headers["location"]) == (303, "/?x=1")
            assert "all is well" in (await browser.get("/")).text
            # htmx follows no redirect into a piece of a page.
            browser.cookies.clear()
            asked = await browser.get("/", headers={"HX-Request": "true"})
            assert (asked.status_code, asked.headers["hx-redirect"]) == (401, "/login")

    run(visit)


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "javascript:1"])
def test_the_log_in_leads_to_nobody_else(place: Place, back: str) -> None:
    async def visit() -> None:
        async with place.browser() as browser:
            form = {"user": "alice", "password": PASSWORD, "next": back}
            assert (await browser.post("/login", data=form)).headers["location"] == "/"

    run(visit)


def test_a_log_in_makes_a_new_session_and_ends_the_one_that_came_with_it(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("rita") as browser:
            former = browser.cookies["voxgate"]
            await browser.post("/login", data={"user": "alice", "password": PASSWORD})
            assert browser.cookies["voxgate"] != former
            async with place.browser() as thief:
                thief.cookies.set("voxgate", former, domain="edge.test")
                assert (await thief.get("/")).status_code == 303

    run(visit)


def test_who_guesses_waits_and_the_guard_hears_of_it(place: Place) -> None:
    async def visit() -> None:
        async with place.browser() as browser:
            form = {"user": "alice", "password": "wrong"}
            codes = [(await browser.post("/login", data=form)).status_code for _ in range(12)]
            assert codes == [401] * 10 + [429] * 2
            assert {(str(one.requester), one.protocol.value) for one in place.reports.heard} == {("192.0.2.7", "admin")}

    run(visit)


def test_a_form_from_elsewhere_changes_nothing(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("alice") as browser:
            csrf = browser.headers.pop("X-CSRF-Token")
            for data, headers in (
                ({}, {}),
                ({"csrf": "guess"}, {}),
                ({"csrf": csrf}, {"Origin": "https://evil.example"}),
                ({"csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
            ):
                answer = await browser.post("/logout", data=data, headers=headers)
                assert answer.status_code == 403, (data, headers)
            other = await browser.post(
                "/login", data={"user": "rita", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
            )
            assert other.status_code == 403
            assert (await browser.get("/")).status_code == 200
            assert (await browser.post("/logout", data={"csrf": csrf})).status_code == 303
            assert (await browser.get("/")).status_code == 303

    run(visit)


def test_the_first_administrator_is_made_once_with_the_token(tmp_path: Path) -> None:
    place = Place(tmp_path, users=False)
    now_s = place.clock.wall().timestamp()
    token = place.door.access.change(lambda access: offered_setup(access, now_s, place.around.random))

    async def visit() -> None:
        async with place.browser() as browser:
            assert (await browser.get("/login")).headers["location"] == "/setup"
            assert token in (await browser.get("/setup", params={"token": token})).text
            form = {"token": token, "user": "carla", "password": PASSWORD, "again": "another one"}
            assert "differ" in (await browser.post("/setup", data=form)).text
            form["again"] = PASSWORD
            assert (await browser.post("/setup", data=form | {"token": "vgt_x"})).status_code == 401
            made = await browser.post("/setup", data=form)
            assert (made.status_code, made.headers["location"]) == (303, "/")
            assert (await browser.get("/")).status_code == 200
            browser.cookies.clear()
            assert (await browser.post("/setup", data=form)).status_code == 401
            assert (await browser.get("/setup")).headers["location"] == "/login"

    run(visit)


def test_every_answer_forbids_what_a_page_does_not_need(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("alice") as browser:
            for path, status in (("/", 200), ("/nothing", 404), ("/login", 303), ("/../etc/passwd", 404)):
                answer = await browser.get(path)
                assert answer.status_code == status, path
                if status != 303:
                    assert answer.headers["content-security-policy"] == POLICY
                assert answer.headers["x-frame-options"] == "DENY"
                assert answer.headers["cache-control"] == "no-store"
            # The API's own answers stay the API's.
            assert (await browser.get("/api/v1/nothing")).headers["content-type"] == "application/problem+json"
            assert (await browser.post("/api/v1/status", json={})).status_code == 405

    run(visit)


def test_nothing_in_a_template_is_carried_out_by_a_browser_or_left_unescaped() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text()
        assert not re.search(r"\son[a-z]+=|\sstyle=|<style|hx-on|\|\s*safe|autoescape|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def test_what_others_wrote_is_text(place: Place) -> None:
    status = copy.deepcopy(STATUS) | {"overall": "degraded", "reasons": [HOSTILE], "warnings": [HOSTILE]}
    status["engines"][0] |= {"restarts": 1, "last_reason": HOSTILE}
    found = {"code": "x", "grade": "error", "what": HOSTILE, "why": HOSTILE, "cure": HOSTILE}
    status["doctor"] = [{"at": "2026-01-02T03:04:05Z", "findings": [found, found | {"grade": "note", "what": "fine"}]}]
    place.desk.answers[StatusRequest] = lambda _: Told(status, "")

    async def visit() -> None:
        async with place.browser("rita") as browser:
            for path in ("/", "/" + HOSTILE, f"/login?next={HOSTILE}", "/live/" + HOSTILE.replace("/", "")):
                text = (await browser.get(path)).text
                assert "<script>alert" not in text, path
                assert "<img src=x" not in text, path
            page = (await browser.get("/")).text
            assert ("It looked at 2026-01-02 03:04:05 UTC" in page, "fine" in page) == (True, False)
            wrong = await browser.post("/login", data={"user": HOSTILE, "password": "x"})
            assert "<script>alert" not in wrong.text

    run(visit)


def test_when_the_edge_cannot_be_asked_the_page_says_so(place: Place) -> None:
    def starting(_: object) -> Told:
        raise HostError("Voxgate is starting", "ask again in a moment")

    place.desk.answers[StatusRequest] = starting

    async def visit() -> None:
        async with place.browser("rita") as browser:
            answer = await browser.get("/")
            assert (answer.status_code, "Voxgate is starting" in answer.text) == (503, True)
            piece = await browser.get("/", headers={"HX-Request": "true"})
            assert "<html" not in piece.text

    run(visit)


def test_a_form_is_bounded(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("alice") as browser:
            many = "&".join(f"a{n}=1" for n in range(1000))
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            csrf = {"X-CSRF-Token": browser.headers.pop("X-CSRF-Token")}
            assert (await browser.post("/logout", content=many, headers=kind)).status_code == 422
            assert (await browser.post("/logout", content=b"a=%ff%fe", headers=kind | csrf)).status_code == 303
            assert (await browser.post("/login", content="{}")).status_code == 415
            long = await browser.post("/login", data={"user": "x" * 100_000, "password": "y" * 100_000})
            assert (long.status_code, len(long.text) < 10_000) == (401, True)

    run(visit)


def test_assets_are_kept_for_good_and_nothing_else_is_to_be_had(place: Place) -> None:
    async def visit() -> None:
        async with place.browser() as browser:
            for name in assets.ASSETS:
                answer = await browser.get(assets.address(name))
                assert answer.content == (Path(assets.__file__).with_name("static") / name).read_bytes()
                assert "immutable" in answer.headers["cache-control"]
            digest = assets.ASSETS["page.css"].digest
            for path in (
                "/static/0000000000000000/page.css",
                f"/static/{digest}/../page.css",
                f"/static/{digest}/%2e%2e/__init__.py",
                f"/static/{digest}//etc/passwd",
                f"/static/{digest}/vendor/README.md",
            ):
                assert (await browser.get(path)).status_code == 404, path

    run(visit)


@pytest.mark.parametrize("name", list(VENDORED))
def test_what_others_wrote_is_unchanged(name: str) -> None:
    content = (Path(assets.__file__).with_name("static") / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == VENDORED[name]


def test_every_page_has_a_template_that_the_layout_holds_and_a_place_of_its_own() -> None:
    places = [place.path for _, place in PAGES if place is not None]
    assert len(set(places)) == len(places)
    for path in TEMPLATES.glob("[!_]*.html"):
        if path.name not in {"layout.html", "parts.html"}:
            assert path.read_text().startswith('{% extends "layout.html" %}'), path
