"""H.323 over TCP and TLS through the edge: real connections, gatekeepers that check passwords and note strangers."""

from __future__ import annotations

import copy
import re
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.cpu import tree
from lab.peers.h323 import message
from lab.peers.h323.endpoint import GoneError, RejectedError, ReleasedError
from lab.topologies import EDGE_PUBLIC
from tests.engine.gatekeepers import TLS, Gatekeepers, config, gatekeepers
from tests.engine.office import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS
#: The longest time-out of the edge is 15 s; the machine may be busy.
LONGEST_S = 40.0
ALICE, CAROL = "secret", "hush"
BOTH = pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])


@pytest.fixture(scope="module")
def place() -> Iterator[Gatekeepers]:
    with gatekeepers() as made:
        yield made


@BOTH
@pytest.mark.parametrize("host", ["phone-home", "phone-six"])
def test_a_phone_reaches_the_pbx_of_its_gatekeeper_id(place: Gatekeepers, tls: bool, host: str) -> None:
    with place.phone(tls=tls, host=host) as phone:
        assert phone.register("berlin@example.com", "alice", password=ALICE) == "example.com"
    with place.phone(tls=tls, host=host) as phone:
        assert phone.discover("example.com/branch") == "example.com/branch"
        assert phone.register("EXAMPLE.com/Branch", "dave") == "example.com/branch"


@BOTH
def test_a_wrong_password_is_the_pbxs_to_reject_and_counts(place: Gatekeepers, tls: bool) -> None:
    before = len(place.suspicious())
    with place.phone(tls=tls) as phone:
        with pytest.raises(RejectedError, match="securityDenial"):
            phone.register("example.com", "alice", password=CAROL)
        assert phone.register("example.com", "alice", password=ALICE) == "example.com"
    place.edge.wait_for_log("event=auth_failure")
    place.edge.status()  # what was told before is written by now
    assert any(line.startswith("auth_failure") and "user=alice" in line for line in place.suspicious()[before:])


def test_a_redirect_leads_to_the_branch(place: Gatekeepers) -> None:
    before = len(place.suspicious())
    with place.phone() as phone, pytest.raises(RejectedError) as rejected:
        phone.register("example.com", "bob")
    with place.phone() as phone:
        assert phone.register(rejected.value.elsewhere, "bob") == "example.com/branch"
    assert not [line for line in place.suspicious()[before:] if line.startswith("auth_failure")]


@BOTH
def test_keepalives_calls_and_the_end_of_a_registration(place: Gatekeepers, tls: bool) -> None:
    with place.phone(tls=tls) as alice, place.phone() as carol:
        alice.register("example.com", "alice", password=ALICE)
        carol.register("example.com", "carol", password=CAROL)
        for said in (message.KEEPALIVE, message.Message(message.FACILITY)):
            alice.send(said)
        alice.raw(bytes.fromhex("030000090802000000"))
        alice.keep_alive()
        assert alice.call("600", "alice").kind == message.CONNECT
        alice.hang_up()
        identifier = bytes(range(16))
        alice.send(message.Message(message.SETUP, 9, body=message.setup("carol", "alice", identifier)))
        offered = carol.answer()
        assert offered.body is not None
        assert offered.body[1]["callIdentifier"]["guid"] == identifier
        assert alice.receive().kind == message.CONNECT
        alice.hang_up(9)
        assert carol.receive().kind == message.RELEASE_COMPLETE
        alice.unregister()


def test_a_call_without_registration_goes_to_the_domain_of_the_called_party(place: Gatekeepers) -> None:
    with place.phone() as phone:
        assert phone.call("h323:600@branch.example.com", "guest").kind == message.CONNECT
    assert place.branch.events("call")[-1]["called"] == ["h323:600@branch.example.com"]
    with place.phone() as phone:
        with pytest.raises(ReleasedError, match="unreachableDestination"):
            phone.call("h323:600@nobody.example", "guest")
        assert phone.is_closed()


@BOTH
def test_unknown_ids_are_refused_and_the_connection_closed(place: Gatekeepers, tls: bool) -> None:
    for gatekeeper_id in ("nobody.example", "example.com/nowhere", "example.com\r\nx", None):
        with place.phone(tls=tls) as phone:
            with pytest.raises(RejectedError, match="undefinedReason"):
                phone.register(gatekeeper_id, "mallory")
            assert phone.is_closed()
        with place.phone(tls=tls) as phone, pytest.raises(RejectedError, match="terminalExcluded"):
            phone.discover(gatekeeper_id)
    place.edge.wait_for_log("event=unknown_name")


def test_requests_on_one_connection_stay_with_one_pbx(place: Gatekeepers) -> None:
    with place.phone() as phone:
        phone.register("example.com", "alice", password=ALICE)
        with pytest.raises(RejectedError, match="discoveryRequired"):
            phone.register("example.com/branch", "alice")
        assert phone.is_closed()


CASES = {
    "alice": True,
    "other": False,
    "expired": False,
    "untrusted": False,
    "selfsigned": False,
    "": False,
}


@pytest.mark.parametrize("certificate", CASES)
@pytest.mark.parametrize("discovers", [False, True], ids=["RRQ", "GRQ, RRQ"])
def test_only_a_trusted_certificate_of_that_name_reaches_the_pbx_over_tls(
    place: Gatekeepers, certificate: str, discovers: bool
) -> None:
    with place.phone(tls=True, certificate=certificate) as phone:
        if discovers:
            phone.discover("example.com")
        if CASES[certificate]:
            phone.register("example.com", "alice")  # no password: the PBX trusts its TLS port
            phone.keep_alive("example.com")
        else:
            with pytest.raises(RejectedError, match="securityDenial"):
                phone.register("example.com", "alice")
            phone.register("example.com", "alice", password=ALICE)
    assert place.hq.events("registered")[-1]["tls"] is CASES[certificate]


def test_a_certified_connection_takes_nobody_else_along(place: Gatekeepers) -> None:
    with place.phone(tls=True, certificate="alice") as phone:
        phone.register("example.com", "alice")
        with pytest.raises(RejectedError, match="discoveryRequired"):
            phone.register("example.com", "carol")
        assert phone.is_closed()
    with place.phone(tls=True, certificate="alice") as phone:
        phone.register("example.com", "carol", password=CAROL)
    last = place.hq.events("registered")[-1]
    assert (last["names"], last["tls"]) == (["carol"], False)


def test_a_pbx_that_is_down_is_said_to_be_so(place: Gatekeepers) -> None:
    changed = config(place.folder)
    changed["pbxs"]["gone"] = {"names": ["gone.example"], "nodes": ["192.168.1.20"], "sip": {"udp": 5999}}
    changed["pbxs"]["gone"]["h323"] = {"plain": 1799, "tls": 1798}
    with place.phone() as registered:
        registered.register("example.com", "alice", password=ALICE)
        done = place.edge.apply(changed)
        assert done.code == 0, done.err
        for tls in (False, True):
            with place.phone(tls=tls) as phone, pytest.raises(RejectedError, match="resourceUnavailable"):
                phone.register("gone.example", "alice")
        # A new PBX closes nobody's connection.
        registered.keep_alive()


def test_networks_that_may_not_are_refused(place: Gatekeepers) -> None:
    changed = copy.deepcopy(config(place.folder))
    changed["pbxs"]["branch"]["h323"]["allow_from"] = ["198.51.100.0/24"]
    assert place.edge.apply(changed, "--yes").code == 0
    with place.phone() as phone, pytest.raises(RejectedError, match="securityDenial"):
        phone.register("example.com/branch", "alice")
    assert place.edge.apply(config(place.folder)).code == 0
    with place.phone() as phone:
        phone.register("example.com/branch", "alice")


def test_neither_pbx_ever_saw_anything_of_the_other(place: Gatekeepers) -> None:
    assert place.hq.events("registered")
    assert place.branch.events("registered")
    seen = {
        pbx.host: {event["asked"].lower() for event in pbx.events("registered")} for pbx in (place.hq, place.branch)
    }
    assert all("/branch" not in asked for asked in seen["pbx-hq-a"])
    assert all("/branch" in asked for asked in seen["pbx-branch"])
    assert not place.hq.events("stranger")
    assert not place.branch.events("stranger")


def gone(place: Gatekeepers, octets: bytes, registered: bool) -> bool:
    """Whether the edge closes a connection that sends `octets`."""
    with place.phone() as phone:
        if registered:
            phone.register("example.com", "alice", password=ALICE)
        try:
            phone.raw(octets)
        except (ConnectionError, GoneError):
            return True
        return phone.is_closed()


HOSTILE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "zeros": bytes(300),
    "too long": b"\x03\x00\xff\xff" + bytes(70000),
    "no Q.931": bytes.fromhex("0300000affffffffffff"),
    "no PER": bytes.fromhex("0300001508020000627e000a05ffffffffffffffffff")[:-1],
}


@pytest.mark.parametrize("registered", [False, True], ids=["first", "registered"])
@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_hostile_octets_close_their_connection_and_nothing_else(
    place: Gatekeepers, octets: bytes, registered: bool
) -> None:
    with place.phone() as bystander:
        bystander.register("example.com", "carol", password=CAROL)
        assert gone(place, octets, registered)
        bystander.keep_alive()


def test_nobody_stalls_longer_than_its_time(place: Gatekeepers) -> None:
    half = message.write(message.Message(message.SETUP, 9, body=message.setup("carol", "alice")))[:60]
    with ExitStack() as stack:
        stalled = {name: stack.enter_context(place.phone()) for name in ("silent", "half", "keepalives", "registered")}
        idle = stack.enter_context(place.phone(tls=True))
        idle.register("example.com", "carol", password=CAROL)
        stalled["TLS"] = stack.enter_context(place.phone(tls=True))
        stalled["half"].raw(half)
        stalled["keepalives"].raw(b"\x03\x00\x00\x04" * 100)
        stalled["registered"].register("example.com", "alice", password=ALICE)
        stalled["registered"].raw(half)
        handshake = stack.enter_context(place.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM))
        handshake.connect((EDGE_PUBLIC, TLS))
        handshake.sendall(bytes.fromhex("1603010200010001fc0303"))
        for phone in stalled.values():
            phone.socket.settimeout(LONGEST_S)
        handshake.settimeout(LONGEST_S)
        assert {name: phone.is_closed() for name, phone in stalled.items()} == dict.fromkeys(stalled, True)
        assert handshake.recv(1) == b""
        # Who has nothing to say stays.
        idle.keep_alive()


def test_hostile_clients_leave_nothing_behind(place: Gatekeepers) -> None:
    before = memory_kib(place)
    for number in range(1500):
        with place.phone() as phone:
            phone.raw(list(HOSTILE.values())[number % len(HOSTILE)][:2000])
    with place.phone() as phone:
        phone.register("example.com", "alice", password=ALICE)
    assert memory_kib(place) - before < 8 * 1024


def memory_kib(place: Gatekeepers) -> int:
    """What HAProxy and the router hold."""
    total = 0
    for engine in place.edge.status()["engines"]:
        if engine["name"].startswith(("router", "haproxy")):
            for pid in tree(engine["pid"]):
                text = Path(f"/proc/{pid}/status").read_text()
                total += int(re.search(r"VmRSS:\s+(\d+)", text)[1])  # type: ignore[index]
    return total
