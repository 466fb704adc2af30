"""TURN through the real coturn: who may use it, and what can be reached through it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import MARKS
from tests.engine.turn_client import RefusedError, time_limited
from tests.engine.turn_place import (
    MEDIA_PORT,
    OFFICE,
    REST,
    SECRET,
    Place,
    refused,
    running,
)
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running() as made:
        yield made


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("credentials", [OFFICE, REST], ids=["account", "time-limited"])
@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_both_kinds_of_credentials_work_at_once_over_every_transport(
    place: Place, transport: str, credentials: tuple[str, str], six: bool
) -> None:
    with place.client(credentials, transport, six=six) as client:
        relayed = client.allocate()
        assert str(relayed.address) == (EDGE_PUBLIC_SIX if six else EDGE_PUBLIC)
        assert 30000 <= relayed.port <= 32767
        client.permit(str(relayed.address))
        with place.listener("edge", str(relayed.address), MEDIA_PORT) as media:
            client.send(str(relayed.address), MEDIA_PORT, b"towards the edge")
            data, sender = media.recvfrom(100)
            assert (data, sender[1]) == (b"towards the edge", relayed.port)
            media.sendto(b"towards the client", sender)
            came, back = client.receive()
            assert (str(came.address), came.port, back) == (str(relayed.address), MEDIA_PORT, b"towards the client")


@pytest.mark.parametrize(
    "credentials",
    [("office", "wrong"), ("nobody", "correct horse"), ("office", ""), time_limited(SECRET, seconds=-5),
     time_limited("guessed"), (REST[0], "wrong")],
    ids=["password", "user", "empty", "expired", "secret", "time-limited password"],
)  # fmt: skip
def test_nobody_else_gets_an_allocation(place: Place, credentials: tuple[str, str]) -> None:
    with place.client(credentials) as client, pytest.raises(RefusedError) as caught:
        client.allocate()
    assert caught.value.code == 401


@pytest.mark.parametrize(
    ("six", "peers"),
    [
        (False, ["172.16.0.10", "172.16.8.10", "127.0.0.1", "127.0.0.53", "0.0.0.0", "169.254.169.254", "169.254.1.1",
                 "224.0.0.1", "255.255.255.255", "203.0.113.60", "203.0.113.99", "192.168.1.1", "10.0.0.1"]),
        (True, ["::1", "::", "fe80::1", "fd00:172::10", "fd00:ec2::254", "2001:db8:1::99", "2001:db8:2::50", "ff02::1",
                "::ffff:172.16.0.10", "::ffff:127.0.0.1", "::ffff:203.0.113.45", "::127.0.0.1", "2002:7f00:1::1",
                "64:ff9b::7f00:1", "64:ff9b::ac10:a"]),
    ],
    ids=["IPv4", "IPv6"],
)  # fmt: skip
def test_only_the_edge_itself_can_be_reached(place: Place, six: bool, peers: list[str]) -> None:
    with place.client(six=six) as client:
        client.allocate()
        assert {peer: refused(client, peer) for peer in peers} == dict.fromkeys(peers, 403)
        assert refused(client, EDGE_PUBLIC_SIX if six else EDGE_PUBLIC) == 0


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_and_of_the_edge_only_its_media_ports(place: Place, six: bool) -> None:
    edge = EDGE_PUBLIC_SIX if six else EDGE_PUBLIC
    sip = (
        b"OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s:9;branch=z9hG4bKx\r\nMax-Forwards: 9\r\n"
        % (f"[{edge}]" if six else edge).encode()
    )
    sip += b"From: <sip:a@example.com>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
    with place.client(six=six) as client, ExitStack() as stack:
        client.allocate()
        client.permit(edge)
        ports = (161, 9999, 20001, 40000)
        deaf = [stack.enter_context(place.listener("edge", edge, port)) for port in ports]
        media = stack.enter_context(place.listener("edge", edge, MEDIA_PORT))
        for port in ports:
            client.send(edge, port, b"x")
        client.send(edge, 5060, sip)
        client.send(edge, 3478, b"\0\1\0\0\x21\x12\xa4\x42" + os.urandom(12))
        # They are relayed in order: when this one is there, the others would be.
        client.send(edge, MEDIA_PORT, b"last")
        assert media.recv(100) == b"last"
        for sock in deaf:
            sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                sock.recv(100)
        with pytest.raises(TimeoutError):
            client.receive(0.5)


def test_a_failed_login_is_told_with_the_address_it_came_from(place: Place) -> None:
    hosts = {"phone-home": ("203.0.113.77", False, "udp"), "phone-hotel": ("203.0.113.88", False, "tls"),
             "phone-six": ("2001:db8:2::50", True, "udp")}  # fmt: skip
    for host, (_, six, transport) in hosts.items():
        with place.client(("office", "bad\n guess"), transport, host=host, six=six) as client:
            for _ in range(3):
                with pytest.raises(RefusedError):
                    client.allocate()
    for seen, *_ in hosts.values():
        line = f"src_ip={seen} protocol=turn name=- user=office proven=yes"
        until(lambda line=line: place.edge.text().count(line) == 3)  # type: ignore[misc]
    assert "auth_failure" in place.edge.text()


def test_no_name_crashes_it_or_puts_the_blame_on_somebody_else(place: Place) -> None:
    pid = place.edge.engine("coturn")["pid"]
    forged = ": closed (2nd stage), user <x> realm <x> origin <>, local 1.1.1.1:1, remote 198.51.100.66:1, reason: x"
    accused = ": realm <x> user <x>: incoming packet message processed, error 401: Unauthorized"
    whole = [f"x{mark} session 1{accused}{mark} session 1{forged}\n" for mark in ("\n9: :", "\n12345678901234567890::")]
    names = [
        "%s%s%s%s%n",
        "' OR 1=1 --",
        "x" * 500,
        f"x\n9: : session 001000000000000001{forged}",
        f"x>{forged}",
        *whole,
    ]
    for name in names:
        for transport in ("udp", "tcp"):
            with place.client((name, "guess"), transport) as client:
                client.user = name
                with pytest.raises((RefusedError, TimeoutError, ConnectionError)):
                    client.allocate()
    with place.client(("office", "guess"), "tcp", host="phone-hotel") as client, pytest.raises(RefusedError):
        client.allocate()
    until(lambda: "src_ip=203.0.113.88 protocol=turn" in place.edge.text())
    assert "198.51.100.66" not in place.edge.text()
    assert place.edge.engine("coturn")["pid"] == pid


def test_nobody_sees_the_secrets(place: Place) -> None:
    for name in ("coturn", "coturn-rest"):
        pid = place.edge.engine(name)["pid"]
        for part in ("cmdline", "environ"):
            told = place.net.run("edge", ["cat", f"/proc/{pid}/{part}"]).out
            assert not any(secret in told for secret in (OFFICE[1], SECRET))
        files = [path for path in (place.folder / "run" / name).iterdir() if path.is_file()]
        assert {"users.db", "tables.json", "key.pem"} <= {path.name for path in files}
        assert [path.name for path in files if path.stat().st_mode & 0o007 and path.name != "coturn.pid"] == []
        assert (place.folder / "run" / name).stat().st_mode & 0o007 == 0
        status = (place.net.run("edge", ["cat", f"/proc/{pid}/status"]).out).splitlines()
        assert next(line for line in status if line.startswith("CapEff")).split()[1].strip("0") == ""
        assert next(line for line in status if line.startswith("Uid")).split()[1] != "0"
    assert not any(secret in place.edge.text() for secret in (OFFICE[1], SECRET))


def test_status_shows_both_and_coturn_knows_every_option(place: Place) -> None:
    status = place.edge.status()
    assert {"coturn", "coturn-rest"} <= {one["name"] for one in status["engines"]}
    assert [row["fenced"] for row in status["turn"]] == [True, True]
    assert status["drift"] == []
    assert "turn_option_unknown" not in place.edge.text()


def test_a_client_of_the_first_days_is_answered_and_nobody_is_flooded_by_it(place: Place) -> None:
    with place.listener("stranger", "203.0.113.99", 0) as sock:
        # RFC 3489: no cookie, sixteen bytes of transaction.
        request = b"\0\1\0\0" + os.urandom(16)
        sock.sendto(request, (EDGE_PUBLIC, 3478))
        answer = sock.recv(1500)
        assert answer[4:20] == request[4:]
        assert bytes((0, 1, 0, 8, 0, 1, *sock.getsockname()[1].to_bytes(2, "big"), 203, 0, 113, 99)) in answer
        # With its headers an answer is not three times as long as what may have been forged.
        assert len(answer) + 28 < 3 * (len(request) + 28)


def test_weak_tls_is_refused(place: Place) -> None:
    def shown(words: tuple[str, ...]) -> bool:
        # coturn does not hang up on who cannot agree with it, before the session's time is over.
        asked = ["timeout", "3", "openssl", "s_client", "-connect", f"{EDGE_PUBLIC}:5349", *words]
        return "BEGIN CERTIFICATE" in place.net.run("stranger", asked).out

    weak = [
        ("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0") for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL")
    ]
    weak += [(old, "-cipher", "ALL:@SECLEVEL=0") for old in ("-tls1", "-tls1_1")]
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(shown, [("-tls1_2",), *weak])) == [True, *[False] * len(weak)]
