"""Phones and PBX of the lab against each other on one LAN, before any edge stands between them."""

from __future__ import annotations

import asyncio
import functools
import ssl
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from lab import tls
from lab.audio import End, two_way
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.agent import Script, perform
from lab.peers.phone import Line, Phone
from lab.phones.baresip import Baresip, netstrings
from lab.phones.device import Account, PhoneError, State
from lab.phones.linphone import Linphone, last_state
from lab.procs import LabError
from lab.switchboard import Switchboard
from lab.topologies import BEHIND_NAT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UDP = Hop("udp", "192.168.1.20", 5060)
TCP = Hop("tcp", "192.168.1.20", 5060)
TLS = Hop("tls", "192.168.1.20", 5061)


def test_netstrings_are_read_in_pieces() -> None:
    assert netstrings(b"3:abc,2:de") == ([b"abc"], b"2:de")
    assert netstrings(b"3:abc,2:de,") == ([b"abc", b"de"], b"")
    assert netstrings(b"12") == ([], b"12")
    with pytest.raises(LabError):
        netstrings(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("", State.IDLE),
        ("Call 1 to sip:600@x in progress.\n", State.RINGING),
        ("Call 1 to sip:600@x in progress.\nMedia streams established with sip:600@x for call 1", State.TALKING),
        ("Media streams established with sip:a\nCall 1 with sip:a ended (No error).", State.IDLE),
    ],
)
def test_linphone_tells_its_state_in_words(said: str, state: State) -> None:
    assert last_state(said) is state


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with Net(BEHIND_NAT) as made:
        yield made


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tls.Identity:
    return tls.authority().issue(tmp_path_factory.mktemp("tls"), "example.com", "192.168.1.20")


@dataclass(frozen=True)
class Office:
    net: Net
    pbx: Switchboard
    ca: Path


@pytest.fixture
def office(net: Net, identity: tls.Identity, tmp_path: Path) -> Iterator[Office]:
    users = tmp_path / "users"
    users.write_text("bob:secret\nalice:word\n")
    options = ["--cert", str(identity.certificate), "--key", str(identity.key), "--users", str(users)]
    options += ["--realm", "example.com", "--hangup-after", "2", "--reinvite-after", "1"]
    with Switchboard(net, "pbx-hq-a", tmp_path, tone_hz=620, listen=(UDP, TCP, TLS), options=options) as pbx:
        yield Office(net, pbx, identity.ca)


def perform_on(office: Office, line: Line, script: Script) -> dict[str, Any]:
    async def play() -> dict[str, Any]:
        async with Phone(line, office.net.maker("phone-lan")) as phone:
            return await perform(phone, script)

    return asyncio.run(play())


@pytest.mark.engine
@pytest.mark.parametrize("edge", [UDP, TCP, TLS], ids=str)
@pytest.mark.parametrize(
    ("script", "reinvites"),
    [
        (Script("600", talk_s=2), 0),
        (Script("601", hang_up="them"), 0),
        (Script("602", talk_s=2.5), 1),
        (Script("600", talk_s=2, late_offer=True), 0),
        (Script("600", talk_s=3, hold_after_s=1), 0),
        (Script("600", talk_s=2, reinvite_after_s=1), 0),
    ],
    ids=lambda value: f"{value.call}-{value.late_offer}-{value.hold_after_s}" if isinstance(value, Script) else "",
)
def test_the_strict_phone_talks_to_the_pbx(office: Office, edge: Hop, script: Script, reinvites: int) -> None:
    line = Line("bob", "example.com", edge, "192.168.1.50", password="secret", ca=office.ca)  # noqa: S106 - the lab's
    report = perform_on(office, line, script)
    assert (report["error"], report["violations"]) == ("", [])
    call = report["calls"][0]
    assert (call["tone_hz"], call["loss_percent"], call["reinvites"]) == (620, 0.0, reinvites)
    assert call["seconds"] >= 1.5
    assert office.pbx.heard("bob").tone_hz == 440


@pytest.mark.engine
def test_a_wrong_password_does_not_register(office: Office) -> None:
    line = Line("bob", "example.com", UDP, "192.168.1.50", password="guess")  # noqa: S106 - wrong on purpose
    assert perform_on(office, line, Script("600"))["error"] == "REGISTER 401"


@pytest.mark.engine
def test_the_strict_phone_tells_what_it_should_not_have_seen(office: Office) -> None:
    forbidden = (ip_network("192.168.1.20"),)
    line = Line("bob", "example.com", UDP, "192.168.1.50", password="secret", forbidden=forbidden)  # noqa: S106 - the lab's
    assert any("Contact" in text for text in perform_on(office, line, Script("600", talk_s=0.5))["violations"])


@pytest.mark.engine
def test_the_pbx_plays_dead_and_refuses_on_command(office: Office) -> None:
    line = Line("carol", "example.com", UDP, "192.168.1.50")
    office.pbx.command(reply=503)
    refused = perform_on(office, line, Script("600", register=False))
    assert refused["calls"][0]["ended_by"] == "503"
    office.pbx.command(reply=None)
    office.pbx.command(deaf=True)
    assert "NoAnswerError" in perform_on(office, line, Script("600", register=False, run_s=25))["error"]
    office.pbx.command(deaf=False)
    assert perform_on(office, line, Script("600", register=False, talk_s=1))["error"] == ""


@pytest.mark.engine
@pytest.mark.parametrize("kind", [Baresip, Linphone])
@pytest.mark.parametrize("edge", [UDP, TCP, TLS], ids=str)
def test_real_phones_call_and_are_called(
    office: Office, tmp_path: Path, kind: type[Baresip | Linphone], edge: Hop
) -> None:
    folder = tmp_path / "phone"
    account = Account("phone-lan", "bob", "example.com", edge, 710, folder, password="secret", ca=office.ca)  # noqa: S106 - lab
    judge = functools.partial(two_way, loss_limit_percent=5.0)
    with kind(office.net, account) as phone:
        phone.register()
        phone.dial("600")
        office.pbx.wait("accepted", user="bob")
        asyncio.run(asyncio.sleep(2))
        phone.hangup()
        verdict = judge(End("bob", 620, phone.heard()), End("pbx", 710, office.pbx.heard("bob")))
        assert verdict, verdict.words
        if (kind, edge) == (Baresip, TLS):
            return  # not to be reached without an edge that keeps the connection, see its module
        office.pbx.command(call="bob", talk_s=2)
        phone.wait(State.TALKING, 8)
        phone.wait(State.IDLE, 8)
        verdict = judge(End("bob", 620, phone.heard()), End("pbx", 710, office.pbx.heard("bob", after=1)))
        assert verdict, verdict.words


@pytest.mark.engine
def test_linphone_does_not_talk_to_a_stranger_over_tls(office: Office, tmp_path: Path) -> None:
    other = tls.authority("Somebody else").issue(tmp_path, "example.com")
    account = Account(
        "phone-lan", "bob", "example.com", TLS, 710, tmp_path / "phone", password="secret", ca=other.ca  # noqa: S106 - lab
    )  # fmt: skip
    with Linphone(office.net, account) as phone, pytest.raises(PhoneError, match="registers"):
        phone.register(timeout_s=4)
    assert office.pbx.events("registered") == []


@pytest.mark.engine
def test_the_strict_phone_does_not_talk_to_a_stranger_over_tls(office: Office, tmp_path: Path) -> None:
    other = tls.authority("Somebody else").issue(tmp_path, "example.com")
    line = Line("bob", "example.com", TLS, "192.168.1.50", password="secret", ca=other.ca)  # noqa: S106 - the lab's
    with pytest.raises(ssl.SSLCertVerificationError):
        perform_on(office, line, Script("600"))
