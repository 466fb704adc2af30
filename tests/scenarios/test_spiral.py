"""A spiral (RFC 3261 section 6): a PBX that is a proxy sends a call back to the edge, on to another PBX.

The same Call-ID, tags and CSeq pass the edge twice: as two transactions, in one dialog, counted as one call.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import HQ, Setting, Stage, stage
from lab.peers.agent import Script, perform
from lab.peers.message import Request, parse_datagram
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_PUBLIC
from tests.scenarios.scene import Party, Report, check_clean, check_hears, together
from tests.scenarios.scene import phone as phone_of
from tests.scenarios.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.message import Headers, Response

PORT = 5080
PROXY, FAR, TONES = "proxy.example.com", "far.example.com", "tones.example.com"
PHONE_HZ, TONES_HZ = 440, 890
TWO_PHONES = {"phone-home": 440, "phone-lan": 530}
WAITS = Script(hang_up="them")


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    def pbx(name: str, host: str, **keys: object) -> dict[str, object]:
        return {"names": [name], "nodes": [DMZ.host(host).ipv4()], "sip": {"udp": PORT}, **keys}

    pbxs = {
        "proxy": pbx(PROXY, "pbx-hq-b"),
        "branch": pbx(FAR, "pbx-branch", limits={"calls": 1}),
        "tones": pbx(TONES, "pbx-branch", sip={"udp": 5060}),
        "hq": pbx(HQ, "pbx-hq-a", sip={"udp": 5060}),
    }
    trunk = {
        "addresses": [DMZ.host("provider").ipv4()],
        "keepalive": False,
        "dids": {"602": "tones"},
        "pbxs": ["hq"],
    }
    options = {"pbx-branch": ("--reinvite-after", "0.7"), "pbx-hq-a": ("--trunk", f"sip:{EDGE_INSIDE}")}
    more = {"health": {"interval_seconds": 600}, "trunks": {"carrier": trunk}}
    with stage(Setting(DMZ, pbxs=pbxs, more=more, options=options), folders()) as made:
        yield made


@contextmanager
def parties(office: Stage) -> Iterator[list[Wire]]:
    """A phone, the PBX that is a proxy, and the other PBX."""
    with ExitStack() as stack:
        places = (("phone-lan", 5393), ("pbx-hq-b", PORT), ("pbx-branch", PORT))
        yield [stack.enter_context(Wire(office, host, port, EDGE_INSIDE)) for host, port in places]


def passes_on(proxy: Wire, request: Request, uri: str = "") -> None:
    """What a proxy without state does with a request: its Via on top, its Record-Route, its own Route taken off.

    The branch comes from the one that came, so that a retransmission stays one (RFC 3261 section 16.11).
    """
    branch = "z9hG4bK" + sha256(request.get("Via").encode()).hexdigest()[:24]
    via = ("Via", f"SIP/2.0/UDP {proxy.here}:{proxy.port};branch={branch};rport")
    own = f"<sip:{proxy.here}:{proxy.port};lr>"
    headers = tuple(pair for pair in request.headers if pair != ("Route", own))
    recorded = (("Record-Route", own),) if uri else ()
    proxy.send(replace(request, headers=(via, *recorded, *headers), uri=uri or request.uri))


def passes_back(proxy: Wire, response: Response) -> None:
    """The same with a response: its Via is taken off."""
    first = response.headers.index(next(pair for pair in response.headers if pair[0] == "Via"))
    proxy.send(replace(response, headers=response.headers[:first] + response.headers[first + 1 :]))


def test_a_call_that_comes_back_to_the_edge_is_one_call(office: Stage) -> None:
    with parties(office) as (phone, proxy, far):
        # Twice: the limit of one call says whether the first one was counted once, and given back.
        for turn in ("one", "two"):
            sent = phone.request("INVITE", f"sip:600@{PROXY}", 1, ("Call-ID", f"spiral-{turn}"))
            phone.send(sent)
            passes_on(proxy, proxy.asked("INVITE", Call_ID=sent.call_id), f"sip:600@{FAR}")
            invite = far.asked("INVITE", Call_ID=sent.call_id)
            assert invite.uri == f"sip:600@{FAR}"
            assert len(invite.all("Record-Route")) == 3
            assert len(invite.all("Via")) == 4
            far.reply(invite, 200)
            passes_back(proxy, proxy.answered(200, Call_ID=sent.call_id))
            answer = phone.answered(200, Call_ID=sent.call_id)
            for method, cseq in (("ACK", 1), ("BYE", 2)):
                phone.send(phone.within(answer, method, cseq))
                passes_on(proxy, proxy.asked(method, Call_ID=sent.call_id))
                last = far.asked(method, Call_ID=sent.call_id)
                assert last.uri == far.contact
                assert last.all("Route") == ()
            far.reply(last, 200)
            passes_back(proxy, proxy.answered(200, CSeq="2 BYE"))
            phone.answered(200, CSeq="2 BYE")
    assert "calls-limit" not in office.edge.text()


def test_a_loop_ends(office: Stage) -> None:
    with parties(office) as (phone, proxy, _):
        phone.send(phone.request("INVITE", f"sip:600@{PROXY}", 1, ("Call-ID", "loop")))
        for _ in range(40):
            came = proxy.asked("INVITE", Call_ID="loop")
            left = int(came.get("Max-Forwards"))
            now = ("Max-Forwards", str(max(left - 1, 0)))
            headers = tuple(now if pair[0] == "Max-Forwards" else pair for pair in came.headers)
            passes_on(proxy, replace(came, headers=headers), f"sip:600@{PROXY}")
            if left <= 1:
                break
        assert proxy.answered(483, Call_ID="loop")


class Proxy:
    """A proxy on a thread of its own: registrar of its users; sends every other call back to the edge, for `uri`."""

    def __init__(self, wire: Wire, uri: str) -> None:
        self.wire = wire
        self.uri = uri
        self.users: dict[str, tuple[str, Headers]] = {}
        self.over = threading.Event()

    def run(self) -> None:
        """Until it is over."""
        self.wire.socket.settimeout(0.2)
        while not self.over.is_set():
            try:
                came = parse_datagram(self.wire.socket.recv(65_536))
            except TimeoutError:
                continue
            if isinstance(came, Request):
                self.pass_on(came)
            elif came is not None:
                passes_back(self.wire, came)

    def pass_on(self, request: Request) -> None:
        """One request."""
        user = request.get("To").partition("sip:")[2].partition("@")[0]
        if request.method == "REGISTER":
            contact = request.get("Contact").partition("<")[2].partition(">")[0]
            self.users[user] = contact, tuple(("Route", path) for path in request.all("Path"))
            self.wire.reply(request, 200, ("Contact", f"<{contact}>;expires=600"))
            return
        opens = request.method == "INVITE" and ";tag=" not in request.get("To")
        uri, routes = self.users.get(user, (self.uri, ())) if opens else ("", ())
        passes_on(self.wire, replace(request, headers=request.headers + routes), uri)


@contextmanager
def proxying(office: Stage, host: str, port: int, edge: str, uri: str) -> Iterator[None]:
    """A proxy on `host`."""
    with Wire(office, host, port, edge) as wire:
        proxy = Proxy(wire, uri)
        thread = threading.Thread(target=proxy.run)
        thread.start()
        try:
            yield
        finally:
            proxy.over.set()
            thread.join()


def calls(office: Stage, host: str, domain: str, number: str) -> Report:
    """A phone on `host` calls a number that renegotiates, and is heard there: its report."""
    party = Party(host, "udp", f"spiral-{host}", domain, setup={"tone_hz": PHONE_HZ})

    async def play() -> Report:
        async with phone_of(office, party) as phone:
            return await perform(phone, Script(call=number, talk_s=2.6, register=False))

    return asyncio.run(play())


@pytest.mark.parametrize("host", ["phone-home", "phone-lan"])
def test_both_hear_each_other_when_a_pbx_sends_the_call_back_to_the_edge(office: Stage, host: str) -> None:
    with proxying(office, "pbx-hq-b", PORT, EDGE_INSIDE, f"sip:602@{TONES}"):
        report = calls(office, host, PROXY, "602")
    check_clean(report)
    call = check_hears(office, host, report, TONES_HZ, 1.5)
    # The PBX has renegotiated, so that requests inside the dialog went through both passages as well.
    assert call["reinvites"] == 1
    assert office.pbxs["pbx-branch"].heard(f"spiral-{host}").tone_hz == PHONE_HZ


def test_two_phones_of_a_pbx_that_is_a_proxy_hear_each_other(office: Stage) -> None:
    caller, callee = (Party(host, "udp", host, PROXY, {"tone_hz": hz}) for host, hz in TWO_PHONES.items())
    talk = Script(talk_s=2, reinvite_after_s=0.7)
    with proxying(office, "pbx-hq-b", PORT, EDGE_INSIDE, ""):
        reports = asyncio.run(together(office, caller, callee, talk, WAITS))
    # Through a proxy, phones are told of each other; but not outside, where it is hidden.
    check_clean(reports[0])
    assert reports[1]["error"] == ""
    for report, party, other in zip(reports, (caller, callee), (callee, caller), strict=True):
        check_hears(office, party.host, report, TWO_PHONES[other.host], 1.2)
    assert reports[1]["calls"][0]["reinvites"] == 1


def test_both_hear_each_other_when_a_provider_sends_the_call_back_to_the_edge(office: Stage) -> None:
    """Out and in again; the PBX that called has a call of its own with the phone."""
    with proxying(office, "provider", 5060, EDGE_PUBLIC, f"sip:602@{EDGE_PUBLIC}"):
        report = calls(office, "phone-lan", HQ, "0700")
    check_clean(report)
    check_hears(office, "phone-lan", report, TONES_HZ, 1.5)
    assert office.pbxs["pbx-branch"].events("heard")[-1]["tone_hz"] == PHONE_HZ
