"""A spiral (RFC 3261 section 6): a PBX that is a proxy sends a call back to the edge, on to another PBX.

The same Call-ID, tags and CSeq pass the edge twice: as two transactions, in one dialog, counted as one call.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import HQ, Setting, Stage, stage
from lab.peers.agent import Script, perform
from lab.peers.message import Request, parse_datagram
from lab.topologies import BEHIND_NAT, EDGE_LAN
from tests.scenarios.scene import Party, check_clean, check_hears
from tests.scenarios.scene import phone as phone_of
from tests.scenarios.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.message import Response

PORT = 5080
PROXY, FAR, TONES = "proxy.example.com", "far.example.com", "tones.example.com"
PHONE_HZ, TONES_HZ = 440, 890


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    def pbx(name: str, host: str, **keys: object) -> dict[str, object]:
        return {"names": [name], "nodes": [BEHIND_NAT.host(host).ipv4()], "sip": {"udp": PORT}, **keys}

    pbxs = {
        "proxy": pbx(PROXY, "pbx-hq-b"),
        "branch": pbx(FAR, "pbx-branch", limits={"calls": 1}),
        "tones": pbx(TONES, "pbx-branch", sip={"udp": 5060}),
        "hq": pbx(HQ, "pbx-hq-a"),
    }
    options = {"pbx-branch": ("--reinvite-after", "0.7")}
    more = {"health": {"interval_seconds": 600}}
    with stage(Setting(BEHIND_NAT, pbxs=pbxs, more=more, options=options), folders()) as made:
        yield made


@contextmanager
def parties(office: Stage) -> Iterator[list[Wire]]:
    """A phone, the PBX that is a proxy, and the other PBX."""
    with ExitStack() as stack:
        places = (("phone-lan", 5393), ("pbx-hq-b", PORT), ("pbx-branch", PORT))
        yield [stack.enter_context(Wire(office, host, port, EDGE_LAN)) for host, port in places]


def passes_on(proxy: Wire, request: Request, uri: str = "") -> None:
    """What a proxy does with a request: its Via on top, its Record-Route, its own Route taken off."""
    own = f"<sip:{proxy.here}:{proxy.port};lr>"
    headers = tuple(pair for pair in request.headers if pair != ("Route", own))
    recorded = (("Record-Route", own),) if uri else ()
    proxy.send(replace(request, headers=(proxy._via(), *recorded, *headers), uri=uri or request.uri))


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


@contextmanager
def proxying(office: Stage) -> Iterator[None]:
    """The PBX that is a proxy sends every call back to the edge, for another PBX, and stays in its dialog."""
    over = threading.Event()
    with Wire(office, "pbx-hq-b", PORT, EDGE_LAN) as proxy:
        proxy.socket.settimeout(0.2)

        def run() -> None:
            while not over.is_set():
                try:
                    came = parse_datagram(proxy.socket.recv(65_536))
                except TimeoutError:
                    continue
                if isinstance(came, Request):
                    opens = came.method == "INVITE" and ";tag=" not in came.get("To")
                    passes_on(proxy, came, f"{came.uri.partition('@')[0]}@{TONES}" if opens else "")
                elif came is not None:
                    passes_back(proxy, came)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("host", ["phone-home", "phone-lan"])
def test_both_hear_each_other_when_the_call_comes_back_to_the_edge(office: Stage, host: str) -> None:
    party = Party(host, "udp", f"spiral-{host}", PROXY, setup={"tone_hz": PHONE_HZ})

    async def play() -> dict[str, object]:
        async with phone_of(office, party) as phone:
            return await perform(phone, Script(call="602", talk_s=2.6, register=False))

    with proxying(office):
        report = asyncio.run(play())
    check_clean(report)
    call = check_hears(office, host, report, TONES_HZ, 1.5)
    # The PBX has renegotiated, so that requests inside the dialog went through both passages as well.
    assert call["reinvites"] == 1
    assert office.pbxs["pbx-branch"].heard(party.user).tone_hz == PHONE_HZ
