"""Users, tokens, the audit log, certificates and the firewall list on pages: who may, and what is told."""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.page_place import PASSWORD, Place, configured
from voxgate.errors import UsageError
from voxgate.firewall.opening import Opening, Way
from voxgate.supervise.control import Told
from voxgate.wire.certs_request import CertsAction, CertsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

TEXT = "edge: {domain: edge.example.com}\npbxs: {hq: {names: [example.com], nodes: [192.0.2.20]}}\n"
OPENING = Opening(Way.IN, "udp", (5060, 5060), (ip_address("192.0.2.1"),), "SIP <b>", "listen.sip.udp")
CERTIFICATE = {
    "name": "default",
    "origin": "acme",
    "issuer": "Let's <b>",
    "names": ["edge.example.com"],
    "begins": "2026-01-01T00:00:00Z",
    "expires": "2026-04-01T00:00:00Z",
    "next_order": "2026-03-01T00:00:00Z",
    "alarm": "",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return configured(tmp_path, TEXT, openings=lambda: (OPENING,))


def run(what: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(what())  # type: ignore[arg-type]


def test_users_come_and_go_but_never_the_last_administrator(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("alice") as browser:
            form = {"name": "carla", "role": "operator", "password": PASSWORD}
            assert (await browser.post("/people/users", data=form)).headers["location"] == "/people"
            assert "carla" in (await browser.get("/people")).text
            for wrong in ({"password": "short"}, {"name": "<b>"}, {"role": "king"}, {"role": "turn"}):
                answer = await browser.post("/people/users", data=form | wrong)
                assert (answer.status_code, "<b>" in answer.text, PASSWORD in answer.text) == (422, False, False)
            assert (await browser.post("/people/users/carla/remove")).status_code == 303
            assert (await browser.post("/people/users/carla/remove")).status_code == 404
            last = await browser.post("/people/users/alice/remove")
            assert (last.status_code, "last administrator" in last.text) == (409, True)
            log = (await browser.get("/audit")).text
            assert ("user.set carla" in log, "user.remove carla" in log) == (True, True)
            assert "Nothing is there" in (await browser.get("/audit?q=nothing-like-it")).text

    run(visit)


def test_a_token_is_told_once_and_works_until_it_is_taken_back(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("alice") as browser:
            made = (await browser.post("/people/tokens", data={"name": "ops", "role": "read-only", "days": "5"})).text
            found = re.search(r"vgt_([0-9a-f]{12})_[\w-]{43}", made)
            assert found is not None
            assert found[0] not in (await browser.get("/people")).text
            headers = {"Authorization": f"Bearer {found[0]}"}
            async with place.browser() as program:
                assert (await program.get("/api/v1/status", headers=headers)).status_code == 200
                # Pages are for people.
                assert (await program.get("/people", headers=headers)).status_code == 303
                assert (await browser.post(f"/people/tokens/{found[1]}/remove")).status_code == 303
                assert (await program.get("/api/v1/status", headers=headers)).status_code == 401
            for days in ("0", "99999999999", "x", "1.5"):
                form = {"name": "ops", "role": "read-only", "days": days}
                assert (await browser.post("/people/tokens", data=form)).status_code == 422

    run(visit)


def test_only_an_administrator_sees_who_may(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("otto") as browser:
            for path in ("/people", "/audit"):
                assert (await browser.get(path)).status_code == 403
            assert "Users and tokens" not in (await browser.get("/")).text
            assert (await browser.post("/people/users", data={})).status_code == 403

    run(visit)


def test_certificates_are_shown_renewed_and_verified(place: Place) -> None:
    def answer(request: CertsRequest) -> Told:
        if request.action is CertsAction.VERIFY:
            hand: dict[str, Any] = {"purpose": "SIP", "address": "192.0.2.1", "port": 5061, "name": "edge.example.com"}
            return Told({"handshakes": [hand | {"certificate": "default", "version": "TLSv1.3", "wrong": ""}]}, "")
        if request.action is CertsAction.RENEW and request.name == "other":
            raise UsageError("nobody orders other\n    it is a file")
        alarms = ["port 80 is closed"] if request.action is CertsAction.RENEW else []
        return Told({"certificates": [CERTIFICATE], "alarms": alarms, "authority": "/x/authority.pem"}, "")

    place.desk.answers[CertsRequest] = answer

    async def visit() -> None:
        async with place.browser("otto") as browser:
            text = (await browser.get("/certificates")).text
            assert ("until 2026-04-01" in text, "by Let&#39;s &lt;b&gt;" in text) == (True, True)
            assert "port 80 is closed" in (await browser.post("/certificates/renew", data={"name": "default"})).text
            assert "it is a file" in (await browser.post("/certificates/renew", data={"name": "other"})).text
            assert "shows default" in (await browser.post("/certificates/verify")).text
        async with place.browser("rita") as browser:
            assert ">Renew" not in (await browser.get("/certificates")).text
            assert (await browser.post("/certificates/renew")).status_code == 403

    run(visit)


def test_the_firewall_list_is_that_of_the_command_line(place: Place) -> None:
    async def visit() -> None:
        async with place.browser("rita") as browser:
            text = (await browser.get("/firewall")).text
            assert ("5060" in text, "SIP &lt;b&gt;" in text) == (True, True)
            for name in ("plain", "nftables", "firewalld", "ufw"):
                assert "5060" in (await browser.get(f"/firewall/{name}")).text
            assert (await browser.get("/firewall/pf")).status_code == 404

    run(visit)
