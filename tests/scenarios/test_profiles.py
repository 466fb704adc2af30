"""Each provider profile with a provider of its kind, packet by packet."""

from __future__ import annotations

import re
import ssl
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab import tls
from lab.demo.stage import Setting, Stage, stage
from lab.peers.address import Hop
from lab.peers.answerer import Answerer
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_PUBLIC
from tests.scenarios.test_trunk_packets import Packet, invite
from tests.scenarios.trunk_office import RAW, RAW_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST, PBX, SBC = "203.0.113.60", "172.16.0.11", "sbc.example.com"
HUB = "sip.pstnhub.microsoft.com"
SOON_S = 60


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[tuple[Stage, Answerer]]:
    folder = folders()
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "secrets" / "carrier").write_text("s3cret")
    (folder / "secrets" / "carrier").chmod(0o600)
    pbxs = {
        "raw": {"names": [RAW], "nodes": [PBX], "sip": {"udp": RAW_PORT}},
        "hq": {"names": ["example.com"], "nodes": [DMZ.host("pbx-hq-a").ipv4()]},
    }
    more = {"health": {"interval_seconds": 1}, "listen": {"sip": {"udp": 5060, "tls": 5061}}}
    with ExitStack() as stack:
        made = stack.enter_context(stage(Setting(DMZ, pbxs=pbxs, more=more), folder))
        pbx = stack.enter_context(Answerer(made.net.maker("pbx-hq-b"), [Hop("udp", PBX, RAW_PORT)]))
        made.edge.wait_for_node(PBX, "up")
        yield made, pbx


def apply(office: Stage, **keys: Any) -> None:
    """The edge with one trunk, of which only the keys are written that the profile does not have."""
    config = yaml.safe_load(re.sub("!secret ", "", office.edge.file.read_text()))
    config["trunks"] = {"it": {"dids": {"0555209": "raw"}, "pbxs": ["raw"], **keys}}
    text = yaml.safe_dump(config, sort_keys=False).replace("SECRET", "!secret carrier")
    done = office.edge.apply(text, "--yes")
    assert done.code == 0, done.out + done.err


def trunk(office: Stage, right: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The trunk in status, as soon as it is as it should be."""
    end_s = time.monotonic() + SOON_S
    while not right(found := office.edge.status()["trunks"][0]):
        if time.monotonic() > end_s:
            pytest.fail(f"{found}\n{office.edge.text()[-2000:]}")
        time.sleep(0.2)
    return dict(found)


def dial(pbx: Answerer, number: str) -> int:
    """The PBX calls; the final answer."""
    packet = Packet(PBX, RAW_PORT).invite(f"sip:{number}@{EDGE_INSIDE}")
    pbx.send(packet, (EDGE_INSIDE, 5060))
    return pbx.answer(packet).code


def call_in(provider: Answerer, pbx: Answerer, number: str) -> None:
    """The provider calls a number, which arrives."""
    before = len(pbx.asked)
    packet = invite(Packet(HOST, provider.places[0].port), f"sip:{number}@{EDGE_PUBLIC}")
    provider.send(packet, (EDGE_PUBLIC, 5060))
    assert pbx.wait("INVITE", after=before).text.startswith(f"INVITE sip:{number}@{RAW} ")
    assert provider.answer(packet).code == 486


def test_a_provider_with_an_account(office: tuple[Stage, Answerer]) -> None:
    made, pbx = office
    with Answerer(made.net.maker("provider"), [Hop("udp", HOST, 5060)]) as provider:
        account = {"user": "u0555", "password": "SECRET"}
        apply(made, profile="registering", server="sip.carrier.example", addresses=[HOST], register=account)
        assert provider.wait("REGISTER").values("Expires") == ["300"]
        trunk(made, lambda found: found["registration"] == "registered")
        assert dial(pbx, "0301234") == 486
        came = provider.wait("INVITE")
        assert came.values("From")[0].startswith("<sip:u0555@sip.carrier.example>")
        assert came.values("P-Asserted-Identity")
        call_in(provider, pbx, "0555209")
        # It is not asked: such providers often do not answer.
        assert [one for one in provider.asked if one.method == "OPTIONS"] == []


def test_a_provider_that_knows_our_address(office: tuple[Stage, Answerer]) -> None:
    made, pbx = office
    with Answerer(made.net.maker("provider"), [Hop("udp", HOST, 5060)]) as provider:
        apply(made, profile="address", addresses=[HOST])
        assert provider.wait("OPTIONS")
        trunk(made, lambda found: [one["state"] for one in found["addresses"]] == ["up"])
        assert dial(pbx, "0301234") == 486
        assert provider.wait("INVITE").text.startswith(f"INVITE sip:0301234@{HOST} ")
        call_in(provider, pbx, "0555209")
        # The account of the trunk before was taken back, and nothing else.
        assert {value for one in provider.asked if one.method == "REGISTER" for value in one.values("Expires")} <= {"0"}


def test_a_hub_of_the_teams_kind(office: tuple[Stage, Answerer]) -> None:
    made, pbx = office
    folder = made.folder
    (folder / "hub").mkdir()
    (folder / "us").mkdir()
    hub = tls.authority("Hub CA").issue(folder / "hub", HUB)
    ours = tls.authority("Our CA").issue(folder / "us", SBC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(hub.certificate, hub.key)
    context.load_verify_locations(ours.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    pair = {"certificate": str(ours.certificate), "key": str(ours.key), "ca": str(hub.ca)}
    # The lab's address in place of the names that only the internet knows.
    apply(made, profile="teams", edge_name=SBC, tls=pair, outbound_proxy=[HOST], numbers={"e164": {"country": "49"}})
    with Answerer(made.net.maker("provider"), [Hop("tls", HOST, 5061)], tls=context) as provider:
        asked = provider.wait("OPTIONS")
        assert (asked.server_name, asked.client) == (HUB, SBC)
        assert asked.values("Contact") == [f"<sip:{SBC}:5061;transport=tls>"]
        trunk(made, lambda found: [one["state"] for one in found["addresses"]] == ["up"])
        assert dial(pbx, "0301234") == 486
        came = provider.wait("INVITE")
        assert came.text.startswith(f"INVITE sip:+49301234@{HUB} ")
        assert f"@{SBC}:5061" in came.values("Contact")[0] or f"sip:{SBC}:5061" in came.values("Contact")[0]
        assert re.search(r"(?m)^m=audio \d+ RTP/SAVP ", came.text)
        assert "172.16." not in came.text.partition("\r\nTo:")[0]
