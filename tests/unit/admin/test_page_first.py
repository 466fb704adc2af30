"""The first run: who has the token fills in the form, each mistake stands at its field, nothing is written before."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from tests.unit.admin.page_place import PASSWORD, URL, Place
from voxgate.admin import tokens
from voxgate.admin.bounds import Bounds
from voxgate.admin.page import first, mistakes
from voxgate.admin.roles import Role
from voxgate.admin.starting import Probes, sip_domain
from voxgate.daemon.first_run import needed
from voxgate.errors import ConfigError, HostError, Problem
from voxgate.host.facts import Facts, Interface, InterfaceAddress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

TOKEN = "vgt_0123456789ab_" + "A" * 43
FACTS = Facts(
    (
        Interface("lo", (InterfaceAddress(ip_interface("127.0.0.1/8")),)),
        Interface("eth0", (InterfaceAddress(ip_interface("192.0.2.10/24")),)),
        Interface("eth1", (InterfaceAddress(ip_interface("10.0.0.1/24")),)),
    ),
    default_ipv4="eth1",
)
GOOD = {
    "token": TOKEN,
    "domain": "proxy.example.com",
    "interface": "eth0",
    "public": "203.0.113.9",
    "pbx_name": "hq",
    "pbx_address": "192.0.2.20",
    "pbx_domain": "",
    "user": "admin",
    "password": PASSWORD,
    "again": PASSWORD,
    "do": "save",
}


class Machine:
    """The first run of one machine, whose checks and probes answer as a test says."""

    def __init__(self, folder: Path) -> None:
        self.written: list[str] = []
        self.wrong: Exception | None = None
        self.place = Place(folder, users=False)
        probes = Probes(lambda _: "203.0.113.9", lambda address, _: "200 to OPTIONS" if address != "192.0.2.99" else "")
        self.run = first.FirstRun(tokens.digest(TOKEN), lambda: FACTS, self.check, self.written.append, probes)
        app = FastAPI(openapi_url=None)
        app.state.around, app.state.door = self.place.around, self.place.door
        app.state.places, app.state.first_run = (), self.run
        app.include_router(first.router)
        mistakes.install(app)
        self.app = Bounds(app)

    def check(self, _: str) -> None:
        if self.wrong is not None:
            raise self.wrong

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=self.app, client=("192.0.2.7", 50000), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            yield client


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def run(what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(what())  # type: ignore[arg-type]


def test_good_answers_make_a_file_an_administrator_and_an_end(machine: Machine) -> None:
    async def visit() -> None:
        async with machine.browser() as browser:
            assert (await browser.get("/")).headers["location"] == "/setup"
            form = (await browser.get("/setup", params={"token": TOKEN})).text
            # The default route's interface is the first one, loopback is none of them.
            assert (form.index("eth1: 10.0.0.1") < form.index("eth0: 192.0.2.10"), "lo: " in form) == (True, False)
            assert "the engines start" in (await browser.post("/setup", data=GOOD)).text

    run(visit)
    written = yaml.safe_load(machine.written[0])
    assert written["edge"] == {"domain": "proxy.example.com", "interface": "eth0", "public_address": ["203.0.113.9"]}
    assert written["pbxs"]["hq"]["names"] == ["example.com"]
    assert written["admin"]["listen"].startswith("edge.test:")
    user = machine.place.door.access.now().user("admin")
    assert (user.role if user else None) == Role.ADMIN


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"domain": "not a name"}, "domain-about"),
        ({"interface": "eth9"}, "no interface of that name"),
        ({"public": "300.1.1.1"}, "is not an IP address"),
        ({"pbx_address": "192.0.2.99"}, "does not answer SIP"),
        ({"pbx_name": "No Name"}, "pbx_name-about"),
        ({"again": "something else"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"user": "<b>"}, "no name"),
    ],
)
def test_a_mistake_stands_at_its_field_and_nothing_is_written(
    machine: Machine, change: dict[str, str], words: str
) -> None:
    async def visit() -> None:
        async with machine.browser() as browser:
            answer = await browser.post("/setup", data=GOOD | change)
            assert (answer.status_code, words in answer.text) == (422, True)
            assert 'aria-invalid="true"' in answer.text
            assert PASSWORD not in answer.text

    run(visit)
    assert (machine.written, machine.place.door.access.now().users) == ([], ())


def test_what_the_checks_find_is_told_where_it_belongs(machine: Machine) -> None:
    async def visit(error: Exception, words: str) -> None:
        machine.wrong = error
        async with machine.browser() as browser:
            answer = await browser.post("/setup", data=GOOD)
            assert (answer.status_code, words in answer.text) == (422, True)

    at_field = ConfigError((Problem("f", 1, "edge.public_address[0]", "is private", "give another"),))
    for error, words in (
        (at_field, "is private: give another"),
        (ConfigError((Problem("f", 1, "media.ports", "are taken", "free them"),)), "media.ports: are taken"),
        (HostError("port 5060 is held", "stop it"), "port 5060 is held"),
    ):
        asyncio.run(visit(error, words))
    assert machine.written == []


def test_without_the_token_nothing_is_found_out_or_written(machine: Machine) -> None:
    async def visit() -> None:
        async with machine.browser() as browser:
            for address in ("/setup", "/setup?token=", f"/setup?token={TOKEN[:-1]}B"):
                page = await browser.get(address)
                assert (page.status_code, "192.0.2.10" in page.text, "voxgate setup" in page.text) == (401, False, True)
            for what in ("save", "public", "pbx"):
                answer = await browser.post("/setup", data=GOOD | {"token": "vgt_guess", "do": what})
                known = [one in answer.text for one in ("203.0.113.9", "192.0.2.10")]
                assert (answer.status_code, known) == (401, [False, False])
            other = await browser.post("/setup", data=GOOD, headers={"Origin": "https://evil.example"})
            assert other.status_code == 403
            codes = [(await browser.post("/setup", data=GOOD | {"token": "x"})).status_code for _ in range(30)]
            assert codes[-1] == 429

    run(visit)
    assert machine.written == []


def test_what_is_found_out_is_shown_at_once_and_alone(machine: Machine) -> None:
    async def visit() -> None:
        async with machine.browser() as browser:
            for what, words in (("public", "sees this machine as 203.0.113.9"), ("pbx", "192.0.2.20 answers")):
                form = GOOD | {"do": what, "stun": "stun.example.net", "public": ""}
                whole = (await browser.post("/setup", data=form)).text
                part = (await browser.post("/setup", data=form, headers={"HX-Request": "true"})).text
                assert (words in whole, words in part, "<html" in part) == (True, True, False)

    run(visit)


def test_a_silent_pbx_is_taken_all_the_same_when_somebody_says_so(machine: Machine) -> None:
    async def visit() -> None:
        async with machine.browser() as browser:
            form: dict[str, Any] = GOOD | {"pbx_address": "192.0.2.99", "anyway": "1"}
            assert "the engines start" in (await browser.post("/setup", data=form)).text

    run(visit)
    assert len(machine.written) == 1


@pytest.mark.parametrize(
    ("text", "asks"), [(None, True), ("", True), ("# nothing\n\n", True), ("edge: {}\n", False), ("{", False)]
)
def test_it_is_asked_for_where_nothing_configures_anything(tmp_path: Path, text: str | None, asks: bool) -> None:
    file = tmp_path / "voxgate.yaml"
    if text is not None:
        file.write_text(text)
    assert needed(file) is asks
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "more.yaml").write_text("x: 1")
    assert not needed(file)


def test_phones_have_the_domain_below_the_edges_own_host() -> None:
    assert [sip_domain(one) for one in ("proxy.example.com", "example.com", "edge")] == [
        "example.com",
        "example.com",
        "edge",
    ]
