"""Where a request goes on to: TLS kept, ended, begun or passed through; PBXs' certificates; nodes; old phones."""

from __future__ import annotations

import ssl
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lab.tls import authority
from lab.webpbx import WebPbx
from tests.engine.office import BRANCH, HQ, MARKS, config, folder, office
from tests.engine.web_office import HQ_B, HTTP, WebOffice, ask, connect, head, read, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.tls import Authority, Identity

pytestmark = MARKS


def pbx(name: str, port: int, **http: Any) -> dict[str, Any]:
    """A PBX for one host."""
    allowed = {} if http.get("pass_tls") else {"allow_urls": "@everything"}
    return {
        "names": [f"{name}.example.com"],
        "nodes": [HQ],
        "sip": {"udp": port},
        "http": {**allowed, **http},
    }


PBXS = {
    "plain": pbx("plain", 5070, plain=80),
    "secure": pbx("secure", 5071, tls=443),
    "both": pbx("both", 5072, plain=80, tls=443),
    "good": pbx("good", 5073, tls=443, verify_certificate=True),
    "bad": pbx("bad", 5074, tls=443, verify_certificate=True),
    "mutual": pbx("mutual", 5075, tls=8443, pass_tls=True),
    "far": pbx("far", 5076, tls=8443, pass_tls=True, allow_from=["198.51.100.0/24"]),
    "nodes": {
        "names": ["nodes.example.com"],
        "nodes": [{"address": HQ, "priority": 1}, {"address": HQ_B, "priority": 2}],
        "sip": {"udp": 5077},
        "http": {"plain": 8081, "allow_urls": "@everything"},
    },
    "shared": {
        "names": ["shared.example.com"],
        "nodes": [HQ, HQ_B, {"address": BRANCH, "weight": 0}],
        "sip": {"udp": 5078},
        "http": {"plain": 8082, "allow_urls": "@everything", "spread": "random"},
    },
}


class Place(WebOffice):
    """With the authority that clients and PBXs trust."""

    trusted: Authority
    client: Identity
    stranger: Identity


@contextmanager
def opened() -> Iterator[Place]:
    with ExitStack() as stack:
        where, elsewhere = stack.enter_context(folder()), stack.enter_context(folder())
        trusted = authority()
        names = ("good.example.com", "secure.example.com")
        identity = trusted.issue(where, *names)
        made = config(
            listen={"sip": {"udp": 5060}, "http": {**HTTP, "legacy_tls": True}},
            certificates={"pbxs_ca": str(identity.ca)},
            guard={"suspicious_per_minute": 10_000},
        )
        made["pbxs"] = PBXS
        running = stack.enter_context(office(made))
        maker = running.net.maker("pbx-hq-a")
        plain = stack.enter_context(WebPbx(maker, "plain", HQ, 80))
        secure = stack.enter_context(WebPbx(maker, "secure", HQ, 443, identity=identity))
        stack.enter_context(WebPbx(maker, "mutual", HQ, 8443, identity=identity, trusts=True))
        place = Place(running, plain, secure)
        place.client = trusted.issue(where, "phone.example.com", stem="client")
        place.stranger = authority("Nobody").issue(elsewhere, "x.example.com")
        yield place


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with opened() as made:
        yield made


@pytest.mark.parametrize(
    ("host", "tls", "reached"),
    [
        ("plain", False, "plain"),
        ("plain", True, "plain"),
        ("secure", False, "secure"),
        ("secure", True, "secure"),
        ("both", False, "plain"),
        ("both", True, "secure"),
    ],
)
def test_tls_is_kept_where_the_pbx_has_both_ports(place: Place, host: str, tls: bool, reached: str) -> None:
    answer = place.get(f"{host}.example.com", tls=tls)
    assert (answer.status, answer.said["pbx"]) == (200, reached)
    assert dict(answer.said["headers"])["x-forwarded-proto"] == ("https" if tls else "http")


def test_a_pbx_must_show_a_good_certificate_for_its_name_where_that_is_asked_for(place: Place) -> None:
    assert place.get("good.example.com").said["pbx"] == "secure"
    assert place.get("bad.example.com").status == 503
    place.logged(service="bad.example.com", reason="unreachable")


def test_tls_that_is_passed_through_meets_the_pbx_itself(place: Place) -> None:
    client, stranger = (one.certificate for one in (place.client, place.stranger))
    with connect(place.office, name="mutual.example.com", certificate=(client, place.client.key)) as sock:
        sock.sendall(head("mutual.example.com", "/any/path"))
        assert read(sock).said["pbx"] == "mutual"
        assert isinstance(sock, ssl.SSLSocket)
    place.logged(
        service="mutual.example.com", pbx="mutual", result="forwarded", protocol="https", requester="203.0.113.77"
    )
    for certificate in (None, (stranger, place.stranger.key)):
        assert ask(place.office, head("x", "/"), name="mutual.example.com", certificate=certificate).status == 0
    # A request for that host that came over another name's TLS, or plain, does not get there.
    assert place.get("mutual.example.com", name="plain.example.com").status == 0
    assert place.get("mutual.example.com", tls=False).status == 0


def test_networks_count_for_tls_that_is_passed_through(place: Place) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(place.office, name="far.example.com")
    place.logged(service="far.example.com", reason="network", result="rejected")


def test_other_names_keep_their_own_tls_and_real_addresses_beside_it(place: Place) -> None:
    for name in ("plain.example.com", "nobody.example.com"):
        answer = ask(place.office, head("plain.example.com", "/"), name=name)
        assert dict(answer.said["headers"])["x-forwarded-for"] == "203.0.113.77"


def test_old_phones_get_in_where_old_tls_is_allowed(place: Place) -> None:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect(place.office, version=version) as sock:
            sock.sendall(head("plain.example.com", "/"))
            assert read(sock).status == 200


def node(place: Place, host: str, name: str, address: str, port: int) -> WebPbx:
    return WebPbx(place.office.net.maker(host), name, address, port)


def states(place: Place) -> dict[str, bool]:
    found = place.office.edge.status()["web_nodes"]
    return {f"{one['pbx']} {one['address']}": one["up"] for one in found}


def test_a_node_that_is_down_gets_nothing_until_it_is_back(place: Place) -> None:
    with node(place, "pbx-hq-b", "second", HQ_B, 8081):
        wait(lambda: place.get("nodes.example.com").status == 200, "the second node serves", 15)
        assert place.get("nodes.example.com").said["pbx"] == "second"
        assert states(place)[f"nodes {HQ}"] is False
        with node(place, "pbx-hq-a", "first", HQ, 8081):
            wait(lambda: place.get("nodes.example.com").said["pbx"] == "first", "the first is back", 15)
            assert states(place)[f"nodes {HQ}"] is True
            # Another change, and a process that knows nothing of it, leave that as it is.
            place.office.net.run("edge", ["kill", "-9", str(place.office.edge.engine("haproxy")["pid"])])
            wait(lambda: "engine_returned unit=haproxy" in place.office.edge.text(), "haproxy is back", 20)
        wait(lambda: place.get("nodes.example.com").status == 200, "the second again", 15)
        assert place.get("nodes.example.com").said["pbx"] == "second"


def test_requests_are_spread_over_nodes_by_their_weights(place: Place) -> None:
    with (
        node(place, "pbx-hq-a", "a", HQ, 8082),
        node(place, "pbx-hq-b", "b", HQ_B, 8082),
        node(place, "pbx-branch", "idle", BRANCH, 8082),
    ):
        wait(lambda: all(up for name, up in states(place).items() if name.startswith("shared")), "all are up", 20)
        seen: dict[str, int] = {}
        with connect(place.office, name="shared.example.com") as sock:
            for _ in range(200):
                sock.sendall(head("shared.example.com", "/"))
                reached = read(sock).said["pbx"]
                seen[reached] = seen.get(reached, 0) + 1
        assert set(seen) == {"a", "b"}
        # 200 throws of a coin: outside of this once in a million.
        assert 65 < seen["a"] < 135
