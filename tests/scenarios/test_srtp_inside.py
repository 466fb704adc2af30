"""A PBX that encrypts, offers that come late, and both IP versions: what encryption must not break."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import HQ, TONES_HZ, Setting, Stage, node, stage
from lab.demo.talking import Handset
from lab.peers.address import Hop
from lab.peers.agent import Script
from lab.peers.sdp import SdpError
from lab.phones.baresip import Baresip
from lab.phones.device import Account, Srtp
from lab.topologies import BEHIND_NAT, EDGE_LAN
from lab.wiretap import Wiretap
from tests.scenarios.scene import Party, alone, check_clean, check_hears, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PBX = "pbx-branch"
VAULT, VAULT_NAME, VAULT_PORT, VAULT_HZ = "pbx-hq-b", "vault.example.com", 5070, 1250
TALK_S = 2.5


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    """`vault` is a phone that insists on SRTP and plays PBX."""
    address = node(BEHIND_NAT, VAULT)
    vault = {"names": [VAULT_NAME], "nodes": [address], "sip": {"udp": VAULT_PORT}, "srtp": "required"}
    hq = {"names": [HQ], "nodes": [node(BEHIND_NAT, "pbx-hq-a")]}
    folder = folders()
    with stage(Setting(BEHIND_NAT, pbxs={"hq": hq, "vault": vault}), folder) as made:
        own = Hop("udp", EDGE_LAN, 5060)
        account = Account(
            VAULT, "600", VAULT_NAME, own, VAULT_HZ, folder / "vault", srtp=Srtp.SDES, sip_port=VAULT_PORT
        )
        with Baresip(made.net, account):
            made.edge.wait_for_node(address, "up")
            yield made


@pytest.mark.parametrize("srtp", [Srtp.NONE, Srtp.SDES, Srtp.DTLS], ids=lambda srtp: srtp.value)
def test_a_pbx_that_requires_encryption_gets_it_whatever_the_phone_speaks(office: Stage, srtp: Srtp) -> None:
    place = Handset(Baresip, "phone-home", "tls", VAULT_NAME, srtp=srtp)
    with Wiretap(office.net, VAULT, office.folder / f"vault-{srtp.value}.pcap") as tap, place.make(office) as device:
        device.dial("600")
        time.sleep(TALK_S)
        device.hangup()
        heard = device.heard()
    assert (heard.tone_hz, heard.seconds > 1) == (VAULT_HZ, True)
    invites = [text for text in tap.messages() if text.startswith("INVITE ")]
    assert invites
    assert all("RTP/SAVP " in text and "NULL_HMAC" not in text for text in invites)
    flows = {places: one.tone_hz for places, one in tap.audible().items()}
    assert len(flows) >= 2
    assert set(flows.values()) == {None}


@pytest.mark.parametrize("host", ["phone-home", "phone-six"])
def test_a_phone_that_asks_for_the_offer_may_leave_the_keys(office: Stage, host: str) -> None:
    report = asyncio.run(alone(office, Party(host, "tls", f"late-{host}"), Script("600", talk_s=1.5, late_offer=True)))
    check_clean(report)
    check_hears(office, host, report, TONES_HZ[PBX], 1.0)


def test_required_takes_a_late_plain_offer_out_so_that_no_plain_audio_flows(office: Stage) -> None:
    text = office.edge.file.read_text()
    assert office.edge.apply(f"{text}media: {{srtp: required}}\n").code == 0
    try:
        asyncio.run(late(office))
    finally:
        assert office.edge.apply(text).code == 0
    assert "reason=srtp-required" in office.edge.text()


async def late(office: Stage) -> None:
    """One phone asks another for its offer, through the PBX; nobody hears anything."""
    caller, callee = Party("phone-hotel", "udp", "asks"), Party("phone-home", "udp", "offers")
    async with phone(office, callee) as called, phone(office, caller) as calling:
        assert (await called.register()).code == 200
        call, invite = await calling.prepare(callee.user, late_offer=True)
        with pytest.raises(SdpError, match="no audio"):
            await calling.place(call, invite)
        await asyncio.sleep(0.5)
        assert call.voice.stream.packets == []
