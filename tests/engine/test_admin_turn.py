"""Credentials from the API are good at the TURN server, and who may fetch them: by role, and by a page's origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.edge import Kept
from lab.topologies import EDGE_LAN
from tests.engine.admin_place import PORT, URL, Place, running
from tests.engine.office import MARKS
from tests.engine.turn_client import TurnClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

SECRET = "battery staple battery"  # noqa: S105
PATH = "/api/v1/turn/credentials"
SHOP = "https://shop.example.com"


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    admin = {"listen": f"0.0.0.0:{PORT}", "turn_origins": ["shop.example.com"]}
    with running(admin=admin, turn={"shared_secret": Kept("turn-rest", SECRET)}) as made:
        yield made


def test_what_the_api_gives_is_good_at_the_turn_server(place: Place) -> None:
    with place.client(place.token("turn")) as client:
        answer = client.get(PATH, params={"user": "web-7"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    (server,) = answer.json()["iceServers"]
    assert server["username"].endswith(":web-7")
    assert "turn:edge.example.com:3478?transport=udp" in server["urls"]
    known = (server["username"], server["credential"])
    with TurnClient(place.net, "phone-lan", (EDGE_LAN, 3478), known) as phone:
        assert phone.allocate()


@pytest.mark.parametrize(("role", "code"), [("turn", 200), ("operator", 200), ("read-only", 403), ("", 401)])
def test_a_role_fetches_them_or_not(place: Place, role: str, code: int) -> None:
    with place.client(place.token(role) if role else "") as client:
        assert client.get(PATH).status_code == code


@pytest.mark.parametrize(
    ("origin", "code", "allowed"),
    [(SHOP, 200, SHOP), (URL, 200, None), ("https://evil.example.net", 403, None), ("null", 403, None)],
)
def test_pages_of_the_configured_hosts_may_and_others_not_even_with_a_token(
    place: Place, origin: str, code: int, allowed: str | None
) -> None:
    with place.client(place.token("turn")) as client:
        answer = client.get(PATH, headers={"Origin": origin})
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (code, allowed)
        asked = client.options(PATH, headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
        assert asked.headers.get("access-control-allow-origin") == allowed


def test_a_page_that_asks_without_end_is_told_to_wait(place: Place) -> None:
    with place.client(place.token("turn")) as client:
        codes = [client.get(PATH).status_code for _ in range(60)]
    assert codes[0] == 200
    assert codes[-1] == 429
