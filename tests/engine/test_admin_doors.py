"""Who gets into the API of a running edge, and who does not, over real connections."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from lab.topologies import EDGE_LAN
from tests.engine.admin_place import PASSWORD, PORT, Place, running
from tests.engine.office import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

#: Where homes come from, as the edge sees them.
HOME = "203.0.113.77"


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running() as made:
        yield made


def test_the_first_administrator_is_made_with_the_token_in_the_log_and_only_once(place: Place) -> None:
    found = re.search(r"admin_set_up_once .*token=(vgt_\S+)", place.edge.text())
    assert found is not None
    wish = {"token": found[1], "user": "alice", "password": PASSWORD}
    with place.client() as client:
        assert client.post("/api/v1/setup", json=wish | {"token": found[1][:-1] + "_"}).status_code == 401
        assert client.post("/api/v1/setup", json=wish | {"password": "short"}).status_code == 409
        made = client.post("/api/v1/setup", json=wish)
        assert (made.status_code, made.json()["role"]) == (201, "admin")
        cookie = made.headers["set-cookie"]
        assert cookie.startswith("__Host-voxgate=")
        assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
            *("httponly", "secure", "path=/", "samesite=strict"),
        }
        assert client.post("/api/v1/setup", json=wish).status_code == 401
        assert client.get("/api/v1/status").json()["overall"] in {"ok", "degraded"}


def test_a_role_may_what_it_is_for_and_a_removed_token_nothing(place: Place) -> None:
    table = {
        "admin": (200, 200, 200),
        "operator": (200, 403, 403),
        "read-only": (200, 403, 403),
        "turn": (403, 403, 403),
    }
    for role, expected in table.items():
        with place.client(place.token(role)) as client:
            paths = ("/api/v1/history", "/api/v1/tokens", "/api/v1/audit")
            assert tuple(client.get(path).status_code for path in paths) == expected, role
    token = place.token("read-only")
    with place.client(token) as client:
        assert client.get("/api/v1/health").status_code == 200
        assert place.edge.command("token", "remove", token.split("_")[1]).code == 0
        refused = client.get("/api/v1/health")
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")


def test_a_session_is_new_with_each_log_in_and_ends_with_its_user(place: Place) -> None:
    place.user("alice", "admin")
    place.user("bob", "operator")
    with place.client() as client:
        client.cookies.set("__Host-voxgate", "a" * 43, domain="edge.example.com", path="/")
        place.log_in(client, "bob")
        first = client.cookies.get("__Host-voxgate", domain="edge.example.com")
        assert first != "a" * 43
        with place.client() as thief:
            thief.headers["Cookie"] = f"__Host-voxgate={first}"
            assert thief.get("/api/v1/session").status_code == 200
            client.cookies.clear()
            client.headers["Cookie"] = f"__Host-voxgate={first}"
            place.log_in(client, "bob")
            # Whoever knew the former key is out.
            assert thief.get("/api/v1/session").status_code == 401
    with place.client() as client:
        place.log_in(client, "bob")
        assert client.get("/api/v1/session").json()["who"] == "bob"
        assert place.edge.command("user", "remove", "bob").code == 0
        assert client.get("/api/v1/session").status_code == 401


def test_a_page_of_somebody_elses_changes_nothing(place: Place) -> None:
    place.user("alice", "admin")
    wish = {"name": "evil", "role": "admin"}
    with place.client() as client:
        place.log_in(client, "alice")
        for headers in (
            {"X-CSRF-Token": ""},
            {"X-CSRF-Token": "guess"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            assert client.post("/api/v1/tokens", json=wish, headers=headers).status_code == 403, headers
        assert not [one for one in client.get("/api/v1/tokens").json() if one["name"] == "evil"]
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/session").status_code == 401


def test_whoever_did_something_stands_in_the_audit_log_and_no_secret_does(place: Place) -> None:
    place.user("alice", "admin")
    with place.client() as client:
        place.log_in(client, "alice")
        made = client.post("/api/v1/tokens", json={"name": "backup", "role": "read-only", "days": 1}).json()
        newest = client.get("/api/v1/audit", params={"limit": 1}).json()[0]
    assert (newest["who"], newest["from"], newest["action"], newest["target"]) == (
        *("alice", "192.168.1.20", "token.add", "backup"),
    )
    text = (place.folder / "state/admin/audit.log").read_text()
    assert all(json.loads(line)["time"].endswith("Z") for line in text.splitlines())
    assert made["token"] not in text
    assert PASSWORD not in text


def test_what_is_too_long_too_large_or_garbage_is_refused_and_the_next_is_served(place: Place) -> None:
    with place.client(place.token("admin")) as client:
        assert client.get("/api/v1/" + "a" * 3000).status_code == 414
        assert client.post("/api/v1/tokens", content=b"x" * (6 << 20)).status_code == 413
        assert client.post("/api/v1/tokens", content=b"{" * 100_000).status_code == 422
        assert client.get("/api/v1/status", headers={"Authorization": "Basic eDp5"}).status_code == 401
        for path in ("/api/v1/../../etc/passwd", "/api/v1/%2e%2e/%2e%2e/etc/passwd", "/api/v1/users/..%2f..%2fx"):
            assert client.get(path).status_code in {404, 405}, path
        assert client.put("/api/v1/users/..%2Fx", json={"role": "admin", "password": PASSWORD}).status_code in {
            404,
            422,
        }
        assert client.get("/api/v1/health").status_code == 200
        assert client.get("/api/v1/health", headers={"X-Long": "y" * 20_000}).status_code in {400, 431}


def test_slow_clients_hold_nothing_up_and_are_cut_off(place: Place) -> None:
    slow = []
    try:
        for _ in range(40):
            connection = place.net.socket("pbx-branch", socket.AF_INET, socket.SOCK_STREAM)
            connection.connect((EDGE_LAN, PORT))
            connection.sendall(b"\x16\x03")
            slow.append(connection)
        with place.client(place.token("read-only")) as client:
            assert client.get("/api/v1/health").status_code == 200
        assert place.edge.status()["overall"] in {"ok", "degraded"}
    finally:
        for connection in slow:
            connection.close()


def test_guessing_passwords_ends_in_a_ban_and_the_others_are_served(place: Place) -> None:
    place.user("carol", "read-only")
    codes = []
    with place.client(source="phone-home", timeout_s=5) as client:
        for number in range(60):
            try:
                guess = {"user": "carol", "password": f"guess number {number}"}
                # By turns at the API's door and at the web page's.
                asked = client.post("/login", data=guess) if number % 2 else client.post("/api/v1/session", json=guess)
                codes.append(asked.status_code)
            except httpx.HTTPError:
                break
    assert set(codes[:9]) == {401}
    assert 429 in codes
    bans = json.loads(place.edge.command("bans", "--json").out)["bans"]
    assert HOME in [ban["network"].removesuffix("/32") for ban in bans]
    with place.client() as client:
        assert place.log_in(client, "carol")["role"] == "read-only"
    why = place.edge.command("why", HOME).out
    assert "admin" in why
    assert "carol" in why
    assert place.edge.command("unban", HOME).code == 0
