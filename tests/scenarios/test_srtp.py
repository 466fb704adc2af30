"""Encrypted audio outside, plain RTP inside: real phones with SDES and DTLS, and what can be heard on the wires."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import TONES_HZ, Setting, Stage, stage
from lab.demo.talking import TONE_HZ, Handset
from lab.hearing import End, two_way
from lab.phones.baresip import Baresip
from lab.phones.device import PhoneError, Srtp, State
from lab.phones.linphone import Linphone
from lab.tones import NOTHING, Heard
from lab.topologies import BEHIND_NAT
from lab.wiretap import Wiretap
from tests.scenarios import relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PBX = "pbx-branch"
TALK_S = 2.5


def handset(kind: type[Baresip | Linphone], host: str, srtp: Srtp, transport: str = "tls") -> Handset:
    return Handset(kind, host, transport, srtp=srtp)


MOVED = handset(Baresip, "phone-hotel", Srtp.DTLS)
"""Its NAT gives its audio another port than the one in its SDP."""
SECRET = (
    handset(Baresip, "phone-home", Srtp.SDES),
    handset(Linphone, "phone-home", Srtp.DTLS),
    MOVED,
    handset(Linphone, "phone-hotel", Srtp.CHOICE),
    handset(Linphone, "phone-six", Srtp.SDES),
    handset(Baresip, "phone-six", Srtp.CHOICE),
)
"""Both NATs, and IPv6 outside to IPv4 inside; on these hosts is no phone that does not encrypt."""
OPEN = handset(Baresip, "phone-lan", Srtp.NONE)
"""Over TLS, too: proves that encryption is offered so that those without it understand, and that we can listen."""


@dataclass(frozen=True, slots=True)
class Took:
    """What phone and PBX heard of each other, in a call out and a call in; what was audible on whose wire."""

    ends: dict[tuple[Handset, str], tuple[Heard, Heard]]
    wires: dict[str, dict[Any, Heard]]
    messages: list[str]


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    options = {PBX: ("--reinvite-after", "0.8")}
    with stage(Setting(BEHIND_NAT, options=options), folders()) as made:
        yield made


def heard_by(phone: Baresip | Linphone) -> Heard:
    """What it recorded; silence, where it had nothing to record. One deaf phone is no reason to try no other."""
    try:
        return phone.heard()
    except PhoneError:
        return NOTHING


def in_and_out(office: Stage, one: Handset) -> dict[tuple[Handset, str], tuple[Heard, Heard]]:
    """The phone calls 602, which renegotiates, and is called."""
    pbx, found = office.pbxs[PBX], {}
    with one.make(office) as phone:
        user = phone.account.user
        phone.register()
        phone.dial("602")
        time.sleep(TALK_S)
        phone.hangup()
        found[one, "out"] = (heard_by(phone), pbx.heard(user, 15))
        pbx.command(call=user, talk_s=TALK_S)
        phone.wait(State.TALKING, 15)
        phone.wait(State.IDLE, 15)
        found[one, "in"] = (heard_by(phone), pbx.heard(user, 15, after=1))
    return found


@pytest.fixture(scope="module")
def took(office: Stage) -> Took:
    """All calls at once, while the wires are tapped."""
    hosts = sorted({one.host for one in (*SECRET, OPEN)})
    with ExitStack() as stack:
        taps = {
            host: stack.enter_context(Wiretap(office.net, host, office.folder / f"{host}.pcap"))
            for host in (*hosts, PBX)
        }
        pool = stack.enter_context(ThreadPoolExecutor(3))
        jobs = [pool.submit(in_and_out, office, one) for one in (*SECRET, OPEN)]
        ends = {key: value for job in jobs for key, value in job.result().items()}
    return Took(ends, {host: tap.audible() for host, tap in taps.items()}, taps[PBX].messages())


@pytest.mark.parametrize("way", ["out", "in"])
@pytest.mark.parametrize(
    "one",
    [pytest.param(one, marks=[relay.BEHIND_A_CHANGED_PORT] if one == MOVED else []) for one in (*SECRET, OPEN)],
    ids=str,
)
def test_phone_and_pbx_hear_each_other_whatever_the_phone_encrypts_with(took: Took, one: Handset, way: str) -> None:
    phone, pbx = took.ends[one, way]
    # Phones that must share a busy machine lose sound by themselves; that the edge loses none is proven elsewhere.
    verdict = two_way(End("the phone", TONES_HZ[PBX], phone), End("the PBX", TONE_HZ, pbx), loss_limit_percent=60)
    assert verdict, verdict.words


@pytest.mark.parametrize("host", sorted({one.host for one in SECRET}))
def test_outside_nothing_can_be_heard_on_the_wire(took: Took, host: str) -> None:
    flows = took.wires[host]
    silent = set() if relay.answers_dtls_where_it_came_from() else {MOVED}
    phones = sum(one.host == host for one in SECRET if one not in silent)
    assert len(flows) >= 4 * phones, "two directions of two calls"
    assert {heard.tone_hz for heard in flows.values()} == {None}


@pytest.mark.parametrize("host", [OPEN.host, PBX])
def test_plain_rtp_can_be_heard_where_it_is_spoken(took: Took, host: str) -> None:
    assert {TONE_HZ, TONES_HZ[PBX]} <= {heard.tone_hz for heard in took.wires[host].values()}


def test_the_pbx_sees_no_word_of_encryption(took: Took) -> None:
    offers = [text for text in took.messages if "m=audio" in text]
    assert len(offers) >= 4 * (len(SECRET) + 1)
    for text in offers:
        assert "RTP/AVP " in text
        assert not [
            word for word in ("SAVP", "a=crypto", "a=fingerprint", "a=setup", "a=ice", "rtcp-mux") if word in text
        ]


@pytest.mark.parametrize(("srtp", "missed"), [(Srtp.SDES, 1), (Srtp.DTLS, 2)], ids=["sdes", "dtls"])
def test_a_phone_that_insists_and_was_never_heard_of_misses_few_calls(office: Stage, srtp: Srtp, missed: int) -> None:
    pbx = office.pbxs[PBX]
    with handset(Linphone, "phone-home", srtp).make(office) as phone:
        user = phone.account.user
        phone.register()
        for number in range(missed + 1):
            pbx.command(call=user, talk_s=TALK_S)
            code = pbx.wait("dialled", timeout_s=15, after=number, user=user)["code"]
            assert code == (200 if number == missed else 488)
        assert pbx.heard(user, 15).tone_hz == TONE_HZ


@pytest.mark.parametrize("srtp", [Srtp.SDES, Srtp.DTLS], ids=lambda srtp: srtp.value)
def test_a_call_comes_back_from_hold_as_encrypted_as_it_was(office: Stage, srtp: Srtp) -> None:
    one = handset(Baresip, "phone-home", srtp)
    with Wiretap(office.net, one.host, office.folder / f"hold-{srtp.value}.pcap") as tap:
        phone = one.make(office)
        assert isinstance(phone, Baresip)
        with phone:
            phone.register()
            phone.dial("600")
            for on in (True, False):
                time.sleep(0.7)
                before = len(office.pbxs[PBX].events("reinvite", user=phone.account.user))
                phone.hold(on)
                office.pbxs[PBX].wait("reinvite", after=before, user=phone.account.user)
            resumed_s = time.time()
            time.sleep(TALK_S)
            phone.hangup()
            heard = office.pbxs[PBX].heard(phone.account.user, 15)
    assert (heard.tone_hz, heard.seconds > TALK_S) == (TONE_HZ, True)
    # The phone's own recording ends with the hold, encrypted or not; its log tells whether it could read the rest.
    assert phone.log.read_text(errors="replace").count("failed to decrypt") < 25
    edge = office.way(one.host, "udp").host
    assert sum(packet.source[0] == edge and packet.at_s > resumed_s for packet in tap.datagrams()) > 20 * TALK_S
    assert {flow.tone_hz for flow in tap.audible().values()} == {None}


def refused(office: Stage, one: Handset) -> bool:
    """Whether it is refused with 488."""
    with one.make(office) as phone:
        phone.register()
        with pytest.raises(PhoneError, match=r"488|Not [Aa]cceptable|Incompatible"):
            phone.dial("600")
    return True


def applied(office: Stage, srtp: str) -> None:
    """Make it the policy for phones, without a restart of anything."""
    before = [office.edge.engine(name)["pid"] for name in ("kamailio", "rtpengine")]
    text = office.edge.file.read_text()
    assert office.edge.apply(f"{text}media: {{srtp: {srtp}}}\n").code == 0
    assert [office.edge.engine(name)["pid"] for name in ("kamailio", "rtpengine")] == before
    office.edge.write(text)


def test_required_takes_encrypted_calls_and_refuses_plain_ones_with_a_word_in_the_log(office: Stage) -> None:
    applied(office, "required")
    for transport in ("udp", "tls"):
        assert refused(office, handset(Baresip, "phone-home", Srtp.NONE, transport))
    assert "reason=srtp-required" in office.edge.text()
    for one in (handset(Baresip, "phone-home", Srtp.SDES), handset(Baresip, "phone-home", Srtp.DTLS, "udp")):
        for phone, pbx in in_and_out(office, one).values():
            assert (phone.tone_hz, pbx.tone_hz) == (TONES_HZ[PBX], TONE_HZ)


def test_off_refuses_who_insists_and_gives_plain_rtp_to_who_leaves_the_choice(office: Stage) -> None:
    applied(office, "off")
    assert refused(office, handset(Baresip, "phone-home", Srtp.SDES))
    assert "reason=srtp-off" in office.edge.text()
    tapped = Wiretap(office.net, "phone-home", office.folder / "off.pcap")
    with tapped as tap, handset(Baresip, "phone-home", Srtp.CHOICE, "udp").make(office) as phone:
        phone.dial("600")
        time.sleep(TALK_S)
        phone.hangup()
        pbx = office.pbxs[PBX].heard(phone.account.user, 15)
        assert (phone.heard().tone_hz, pbx.tone_hz) == (TONES_HZ[PBX], TONE_HZ)
    assert {TONE_HZ, TONES_HZ[PBX]} <= {heard.tone_hz for heard in tap.audible().values()}
    assert not [text for text in tap.messages() if "a=crypto" in text and "INVITE" not in text.partition("\n")[0]]
