"""PBXs that register at a provider themselves, through the edge: Contact, calls back, end; and nobody else gets in."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import HQ, Setting, Stage, stage
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.message import Request, Response

PORT, CARRIER_PORT = 5080, 5071
DOMAIN = "carrier.example"
PBXS = {"raw": "pbx-hq-b", "branch": "pbx-branch"}
CREDENTIALS = ("Authorization", f'Digest username="x", realm="{DOMAIN}", nonce="n", uri="sip:{DOMAIN}", response="0"')
SEALED = re.compile(rf"<(sip:[^<>@]*@{re.escape(EDGE_PUBLIC)}:5060;transport=udp;n=[A-Za-z0-9_-]+)>")


def setting() -> Setting:
    """Two PBXs with accounts at one provider; a third that may not use it; a provider that knows none of them."""
    pbxs = {
        name: {"names": [f"{name}.example.com"], "nodes": [BEHIND_NAT.host(host).ipv4()], "sip": {"udp": PORT}}
        for name, host in PBXS.items()
    }
    hq = {"names": [HQ], "nodes": [BEHIND_NAT.host("pbx-hq-a").ipv4()], "sip": {"udp": PORT}}
    trunks = {
        "carrier": {
            "addresses": [BEHIND_NAT.host("provider").ipv4()],
            "server": DOMAIN,
            "port": CARRIER_PORT,
            "keepalive": False,
            "pbxs": list(PBXS),
        },
        "other": {
            "addresses": [BEHIND_NAT.host("stranger").ipv4()],
            "server": "other.example",
            "keepalive": False,
            "pbxs": ["hq"],
        },
    }
    more = {"health": {"interval_seconds": 600}, "trunks": trunks}
    return Setting(BEHIND_NAT, pbxs={**pbxs, "hq": hq}, more=more)


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(setting(), folders()) as made:
        yield made


@contextmanager
def parties(office: Stage, *names: str) -> Iterator[list[Wire]]:
    """The provider, then these PBXs."""
    with ExitStack() as stack:
        there = stack.enter_context(Wire(office, "provider", CARRIER_PORT, EDGE_PUBLIC))
        yield [there, *(stack.enter_context(Wire(office, PBXS[name], PORT, EDGE_LAN)) for name in names)]


def ask(pbx: Wire, user: str, cseq: int, *headers: tuple[str, str], expires: int = 120) -> None:
    """The PBX's REGISTER, as it is sent to an outbound proxy."""
    aor = f"<sip:{user}@{DOMAIN}>"
    pbx.send(
        pbx.request(
            "REGISTER",
            f"sip:{DOMAIN}",
            cseq,
            ("Route", f"<sip:{EDGE_LAN}:5060;lr>"),
            ("From", f"{aor};tag=r"),
            ("To", aor),
            ("Call-ID", f"reg-{user}"),
            ("Contact", f'<{pbx.contact};line=7>;+sip.instance="<urn:uuid:0>"'),
            ("Expires", str(expires)),
            *headers,
        )
    )


def registered(pbx: Wire, there: Wire, user: str, cseq: int = 1, expires: int = 120) -> str:
    """Registers an account; the Contact that the provider was told."""
    ask(pbx, user, cseq, CREDENTIALS, expires=expires)
    request = there.asked("REGISTER", CSeq=f"{cseq} REGISTER")
    found = SEALED.match(request.get("Contact"))
    assert found, request.get("Contact")
    lines = (("Contact", f"<{found[1]}>;expires={expires}"),) if expires else ()
    there.reply(request, 200, *lines)
    pbx.answered(200, CSeq=f"{cseq} REGISTER")
    return found[1]


def accepted(pbx: Wire, there: Wire, uri: str, to: str = "") -> Request:
    """A call of the provider to `uri`, which the PBX takes and ends; the INVITE at the PBX."""
    there.send(there.request("INVITE", uri, 1, *((("To", f"<{to}>"),) if to else ())))
    invite = pbx.asked("INVITE")
    pbx.reply(invite, 200)
    answer = there.answered(200)
    assert not re.search(r"\b192\.168\.", str([pair for pair in answer.headers if pair[0] != "To"])), answer
    there.send(there.within(answer, "ACK", 1))
    pbx.asked("ACK")
    pbx.send(pbx.back(invite, "theirs", "BYE", 9))
    there.reply(there.asked("BYE"), 200)
    pbx.answered(200, CSeq="9 BYE")
    return invite


def test_a_registration_passes_and_both_sides_see_their_own(office: Stage) -> None:
    with parties(office, "raw") as (there, pbx):
        ask(pbx, "0555100", 1)
        first = there.asked("REGISTER")
        assert first.uri == f"sip:{DOMAIN}"
        assert (first.get("From"), first.get("Route")) == (f"<sip:0555100@{DOMAIN}>;tag=r", "")
        assert not re.search(r"\b192\.168\.", str(first.headers)), first
        there.reply(first, 401, ("WWW-Authenticate", f'Digest realm="{DOMAIN}", nonce="n"'))
        assert pbx.answered(401).get("WWW-Authenticate").startswith("Digest")
        ask(pbx, "0555100", 2, CREDENTIALS)
        second = there.asked("REGISTER", CSeq="2 REGISTER")
        assert second.get("Authorization") == CREDENTIALS[1]
        shown = SEALED.match(second.get("Contact"))
        assert shown
        assert second.get("Contact").endswith('+sip.instance="<urn:uuid:0>"')
        other = "<sip:0555100@198.51.100.9:5060>;expires=40"
        there.reply(second, 200, ("Contact", f"<{shown[1]}>;expires=120"), ("Contact", other))
        answer = pbx.answered(200)
        assert answer.all("Contact") == (f"<{pbx.contact};line=7>;expires=120", other)
        assert len(answer.all("Via")) == 1


def test_calls_find_the_pbx_that_has_registered(office: Stage) -> None:
    with parties(office, "raw", "branch") as (there, raw, branch):
        shown = {
            "raw": registered(raw, there, "0555100", 11),
            "branch": registered(branch, there, "0555200", 1),
        }
        for name, pbx in (("raw", raw), ("branch", branch)):
            invite = accepted(pbx, there, shown[name], "sip:0555999@carrier.example")
            assert invite.uri == f"{pbx.contact};line=7"
            assert invite.get("X-Voxgate-Trunk") == "carrier"
        # Providers that write the account's user instead of the Contact.
        assert accepted(branch, there, f"sip:0555200@{EDGE_PUBLIC}").uri == f"{branch.contact};line=7"
        # It is over when the PBX takes it back.
        registered(branch, there, "0555200", 2, expires=0)
        there.send(there.request("INVITE", f"sip:0555200@{EDGE_PUBLIC}", 1))
        there.answered(404)
        branch.quiet("INVITE", 0.2)
        assert accepted(raw, there, f"sip:0555100@{EDGE_PUBLIC}")


def statuses(office: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.edge.status()["accounts"]
    return found


def until_told(office: Stage, user: str, state: str) -> dict[str, Any]:
    end_s = time.monotonic() + 15
    while time.monotonic() < end_s:
        for one in statuses(office):
            if (one["user"], one["state"]) == (user, state):
                return one
        time.sleep(0.2)
    pytest.fail(f"{user} is not {state}: {statuses(office)}")


def test_status_tells_how_the_accounts_of_pbxs_stand(office: Stage) -> None:
    with parties(office, "raw") as (there, pbx):
        registered(pbx, there, "0555100", 21)
        told = until_told(office, "0555100", "registered")
        assert (told["trunk"], told["pbx"], bool(told["until"])) == ("carrier", "raw", True)
        ask(pbx, "0555100", 22, CREDENTIALS)
        there.reply(there.asked("REGISTER", CSeq="22 REGISTER"), 403)
        pbx.answered(403)
        assert until_told(office, "0555100", "refused")["reason"].startswith("403")
        registered(pbx, there, "0555100", 23)
        until_told(office, "0555100", "registered")
        registered(pbx, there, "0555100", 24, expires=0)
        end_s = time.monotonic() + 15
        while any(one["user"] == "0555100" for one in statuses(office)):
            assert time.monotonic() < end_s
            time.sleep(0.2)


def codes(messages: list[str]) -> list[str]:
    return [line.split(" ")[1] for line in first_lines(messages)]


@pytest.mark.parametrize("uri", [f"sip:{DOMAIN}", f"sip:0555100@{DOMAIN}", f"sip:{EDGE_PUBLIC}"])
@pytest.mark.parametrize("headers", [(), (f"Route: <sip:{EDGE_PUBLIC}:5060;lr>",)], ids=["plain", "Route"])
def test_nobody_outside_registers_at_a_provider_through_the_edge(
    office: Stage, uri: str, headers: tuple[str, ...]
) -> None:
    with parties(office) as (there,), Stranger(office, 5391, "phone-lan") as stranger:
        stranger.send(stranger.request("REGISTER", uri, *headers), to=(EDGE_LAN, 5060))
        assert [code for code in codes(received(stranger.socket, first_s=0.4)) if code < "400"] == []
        there.quiet("REGISTER", 0.2)


def test_a_pbx_that_may_not_use_the_trunk_does_not_register_there(office: Stage) -> None:
    with parties(office) as (there,), Wire(office, "pbx-hq-a", PORT, EDGE_LAN) as pbx:
        ask(pbx, "0555300", 1)
        pbx.answered(403)
        there.quiet("REGISTER", 0.2)
    assert "reason=pbx-may-not-register-there" in office.edge.text()


@pytest.mark.parametrize("host", ["stranger", "phone-lan"])
def test_a_contact_of_a_registration_opens_the_way_for_its_provider_alone(office: Stage, host: str) -> None:
    with parties(office, "raw") as (there, pbx):
        shown = registered(pbx, there, "0555100", 31)
        with Stranger(office, 5392, host) as stranger:
            edge = EDGE_LAN if host == "phone-lan" else EDGE_PUBLIC
            stranger.send(stranger.request("INVITE", shown), to=(edge, 5060))
            stranger.send(stranger.request("INVITE", f"sip:0555100@{EDGE_PUBLIC}"), to=(edge, 5060))
            assert [code for code in codes(received(stranger.socket, first_s=0.4)) if code < "400"] == []
        pbx.quiet("INVITE", 0.2)


def test_a_seal_that_is_not_the_edges_opens_nothing(office: Stage) -> None:
    with parties(office, "raw") as (there, pbx):
        shown = registered(pbx, there, "0555100", 41)
        forged = shown[:-4] + ("AAAA" if shown[-4:] != "AAAA" else "BBBB")
        there.send(there.request("INVITE", forged.replace("wire@", "nobody@"), 1))
        answer: Response = there.answered(404)
        assert answer.code == 404
        pbx.quiet("INVITE", 0.2)
