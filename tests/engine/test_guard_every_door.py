"""Attackers at every door of one edge: shut out of all of them by what they did at any, and nobody else with them."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_LAN, EDGE_PUBLIC
from tests.engine.attackers import HOME, STRANGER, forged, request
from tests.engine.babble import NO_SIP, asks_for, babble, comes_and_goes, old_tls
from tests.engine.cost import measured
from tests.engine.every_door import DOORS, SECURE, EveryDoor, Line, every_door, state
from tests.engine.office import MARKS
from tests.engine.turn_place import Unprivileged
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = MARKS

BANNED, BANNED_SIX = f"{STRANGER}/32", "2001:db8:f::/64"
#: One more than the limit, and one that finds the door closed.
TIMES = 22


@pytest.fixture(scope="module")
def place() -> Iterator[EveryDoor]:
    with every_door() as made:
        yield made


@pytest.fixture(autouse=True)
def _everybody_begins_anew(place: EveryDoor) -> Iterator[None]:
    yield
    # Lifting a ban forgets what was counted; where there is none, nothing may be left either.
    for network in (BANNED, BANNED_SIX):
        place.edge.command("ban", network)
        place.edge.command("unban", network)


#: What is done -> protocol and kind of the evidence.
ATTACKS: dict[str, tuple[Callable[[EveryDoor], object], str, str]] = {
    "guesses of a page's password": (lambda place: place.web_guesser(TIMES), "http", "auth_failure"),
    "unknown hosts": (
        lambda place: [place.get("/", f"pbx{number}.example.net") for number in range(TIMES)],
        *("http", "unknown_name"),
    ),
    "forbidden URLs": (
        lambda place: [place.get(f"/admin{number}.php") for number in range(TIMES)],
        *("http", "not_allowed"),
    ),
    "wrong passwords of the directory": (lambda place: place.directory_guesser(TIMES), "ldap", "auth_failure"),
    "wrong passwords of a phone": (lambda place: place.phone_guesser(TIMES), "h323", "auth_failure"),
    "wrong passwords of the relay": (lambda place: place.relay_guesser(TIMES), "turn", "auth_failure"),
    "the same over TCP": (lambda place: place.relay_guesser(TIMES, "tcp"), "turn", "auth_failure"),
    "no TLS for HTTP": (lambda place: place.no_tls(443, TIMES), "http", "bad_tls"),
    "no TLS for LDAP": (lambda place: place.no_tls(636, TIMES), "ldap", "bad_tls"),
    "no TLS for H.323": (lambda place: place.no_tls(1300, TIMES), "h323", "bad_tls"),
    "no TLS for SIP": (lambda place: place.no_tls(5061, TIMES), "sip", "bad_tls"),
    "no SIP over TCP": (lambda place: babble(lambda: place.connected(5060), NO_SIP, TIMES), "sip", "malformed"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attacker_at_one_door_finds_all_of_them_closed(place: EveryDoor, name: str) -> None:
    attack, protocol, kind = ATTACKS[name]
    assert place.open_doors() == set(DOORS)
    attack(place)
    until(lambda: place.banned() == [BANNED], 30)
    counted = {(one["protocol"], one["kind"]) for one in place.why(STRANGER)["evidence"] if one["weight"]}
    assert (protocol, kind) in counted
    assert place.open_doors() == set()


def test_the_neighbours_of_an_attacker_are_served_over_every_protocol(place: EveryDoor) -> None:
    assert place.served()
    assert place.edge.command("ban", STRANGER).code == 0
    assert place.served()


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_a_little_over_each_protocol_is_enough(place: EveryDoor, six: bool) -> None:
    place.domain_guesser(4, six=six)
    place.web_guesser(4, six=six)
    place.directory_guesser(4, six=six)
    place.phone_guesser(4, six=six)
    place.relay_guesser(4, "tcp", six=six)
    assert place.banned() == []
    place.no_tls(443, 4, six=six)
    until(lambda: place.banned() == [BANNED_SIX if six else BANNED])
    assert place.open_doors(six=six) == set()
    case = place.why("2001:db8:f::99" if six else STRANGER)
    assert {one["protocol"] for one in case["evidence"] if one["weight"]} == {"sip", "http", "ldap", "h323", "turn"}


def test_a_ban_ends_every_open_connection_and_nobody_elses(place: EveryDoor) -> None:
    with place.lines() as his, place.lines("phone-home") as honest:
        assert place.edge.command("ban", STRANGER).code == 0
        until(lambda: place.net.run("edge", ["ss", "-Htn", "dst", STRANGER]).out == "")
        for door, sock in his.items():
            assert state(sock) is Line.CLOSED, door
        for door in ("sip/tcp", "sip/tls", "http", "https"):
            assert state(honest[door], place.word(door)) is Line.OPEN, door
        for door in ("ldap", "ldaps", "h323", "h323/tls", "turn/tcp"):
            assert state(honest[door]) is Line.OPEN, door


def test_old_phones_and_monitoring_are_no_attackers_and_the_former_are_of_note(place: EveryDoor) -> None:
    before = {one["time"] for one in place.why(STRANGER)["evidence"]}
    # Of one requester, 50 pieces of evidence are kept at most.
    for port, times in ((443, 2), (636, 2), (1300, 2), (5061, TIMES)):
        old_tls(partial(place.connected, port), times)
    for _, port in (door for name, door in DOORS.items() if name.startswith("sip/") and door[0] != "udp"):
        for _ in range(TIMES // 4):
            comes_and_goes(partial(place.connected, port))

    def since() -> set[tuple[str, str, int]]:
        found = place.why(STRANGER)["evidence"]
        return {(one["protocol"], one["kind"], one["weight"]) for one in found if one["time"] not in before}

    until(lambda: since() == {(protocol, "old_tls", 0) for protocol in ("sip", "http", "ldap", "h323")})
    assert place.banned() == []


#: What Kamailio writes of somebody, to be put where it quotes: packets, the name that a TLS client asks for.
_BEGIN = " 5(1234) ERROR: "
_ACCUSING = (
    f"{_BEGIN}<core> [core/receive.c:376]: receive_msg(): core parsing of SIP message failed ({HOME}:5060/2)\n"
    f"{_BEGIN}tls [tls_util.h:50]: tls_err_ret(): TLS accept:error:0A00009C:SSL routines::http request\n"
    f"{_BEGIN}tls [tls_server.c:1334]: tls_h_read_f(): src addr: {HOME}:51022\n"
).encode()


def test_no_packet_can_accuse_somebody_else_by_what_kamailio_quotes_of_it(place: EveryDoor) -> None:
    # The C library writes long messages in parts of 128 or 8192 bytes: lines that begin at each possible place.
    shifts = [_ACCUSING.rjust(len(_ACCUSING) + shift, b"x") for shift in range(0, 128, 7)]
    long = [b"x" * shift + b"\n" + _ACCUSING * 20 for shift in range(8192 - 140, 8192 - 80, 4)]
    packets = [b"no SIP\r\n" + lines + b"\r\n\r\n" for lines in (*shifts, *long)]
    with place.net.socket("stranger") as sock:
        for packet in packets:
            sock.sendto(packet, (EDGE_PUBLIC, 5060))
    assert place.edge.command("allow", STRANGER).code == 0
    try:
        babble(lambda: place.connected(5060), packets, len(packets))
        for shift in range(0, 128, 3):
            asks_for(lambda: place.connected(5061), (b"x" * shift + b"\n" + _ACCUSING)[:250])
        assert place.served()
        assert place.why(HOME)["evidence"] == []
        # All of it arrived.
        assert {"malformed", "old_tls"} <= {one["kind"] for one in place.why(STRANGER)["evidence"]}
    finally:
        assert place.edge.command("allow", "--remove", STRANGER).code == 0


def test_who_says_nothing_or_does_not_trust_our_certificate_is_no_attacker(place: EveryDoor) -> None:
    before = {one["time"] for one in place.why(STRANGER)["evidence"]}

    def since() -> list[str]:
        return [one["kind"] for one in place.why(STRANGER)["evidence"] if one["time"] not in before]

    for _ in range(3):
        assert place.open_doors() == set(DOORS)
        for port in SECURE:
            place.mistrusts(port)
    place.get("/", "nobody.example.net")
    until(lambda: bool(since()))
    assert since() == ["unknown_name"]


#: Sources of a flood, and what of memory (MiB) and CPU (us for each) it may take of the control plane.
SOURCES, TCP_SOURCES = 50_000, 10_000
MOST_MIB, MOST_US = 96, 400.0


def test_a_flood_of_forged_sources_bans_nobody_and_costs_little(place: EveryDoor) -> None:
    packets = [
        request("REGISTER", "nobody.example.net", number=1),
        request("OPTIONS", "example.com", "User-Agent: friendly-scanner", number=2),
        request("INVITE", "example.com", user="1' or 1=1--", number=3),
        b"no SIP at all\r\n\r\n",
    ]
    with measured(place.edge.pid, SOURCES) as cost:
        forged(place.net, "11.0.0.1", packets, sources=SOURCES, host="phone-lan", target=EDGE_LAN)
    assert place.banned() == []
    assert place.served()
    print(cost)
    assert cost.mib < MOST_MIB, cost
    assert cost.us < MOST_US, cost
    # They arrived: some of the first are known of.
    assert any(place.why(f"11.0.0.{number}")["evidence"] for number in range(1, 9))


def test_a_flood_of_real_sources_over_tcp_is_bounded_and_bans_nobody(place: EveryDoor) -> None:
    place.net.run("phone-lan", ["ip", "route", "add", "local", "198.18.0.0/16", "dev", "lo"])
    place.net.run("edge", ["ip", "route", "add", "198.18.0.0/16", "via", "192.168.1.50"])
    program = (
        "import ipaddress, socket, sys\n"
        "first = int(ipaddress.ip_address('198.18.0.1'))\n"
        "for number in range(int(sys.argv[1])):\n"
        "    with socket.socket() as sock:\n"
        "        sock.bind((str(ipaddress.ip_address(first + number)), 0))\n"
        "        sock.connect((sys.argv[2], 80))\n"
        "        sock.sendall(b'GET / HTTP/1.1\\r\\nHost: nobody.example.net\\r\\n\\r\\n')\n"
        "        sock.recv(1)\n"
    )
    last = "198.18.39.16"
    with measured(place.edge.pid, TCP_SOURCES) as cost:
        done = place.net.run("phone-lan", [sys.executable, "-c", program, str(TCP_SOURCES), EDGE_LAN], timeout_s=120)
        assert done.code == 0, done.err
        until(lambda: bool(place.why(last)["evidence"]))
    assert place.banned() == []
    assert place.served()
    print(cost)
    assert cost.mib < MOST_MIB, cost
    assert cost.us < MOST_US, cost


def test_without_the_kernel_the_engines_keep_attackers_out_and_status_says_so() -> None:
    with every_door(Unprivileged, guard={"firewall": False}) as place:
        assert place.edge.status()["guard"] == [
            {"enforced_by": "engines", "reason": "guard.firewall is off", "bans": 0}
        ]
        asked = request("OPTIONS", "edge.example.com", number=1)
        assert place.answered(asked)
        assert place.shakes_hands(443)
        with place.lines() as his, place.lines("phone-home") as honest:
            assert place.edge.command("ban", STRANGER, "--for", "1h").code == 0
            until(lambda: not place.answered(asked))
            for door in ("sip/tcp", "sip/tls", "http", "https", "ldap", "ldaps", "h323", "h323/tls"):
                # Where nothing goes on in this moment, the next word shows it.
                word = place.word(door) if door.startswith(("sip", "http")) else b""
                assert state(his[door], word) is (Line.SILENT if door.startswith("http") else Line.CLOSED), door
                assert state(honest[door], word) is Line.OPEN, door
        assert not place.shakes_hands(443)
        assert place.served()
        os.kill(place.edge.engine("kamailio")["pid"], signal.SIGKILL)
        until(lambda: place.registers(5080))
        until(lambda: not place.answered(asked), 30)
        os.kill(place.edge.engine("haproxy")["pid"], signal.SIGKILL)
        until(lambda: place.shakes_hands(443, "phone-home"))
        until(lambda: not place.shakes_hands(443), 30)
        assert place.edge.command("allow", STRANGER).code == 0
        until(lambda: place.answered(asked))
        assert place.shakes_hands(443)
