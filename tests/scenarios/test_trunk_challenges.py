"""Calls with providers: challenges inside of them, whom To names, whose word counts. Packets on both sides."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import HQ, Setting, Stage, stage
from lab.edge import SecretName
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.message import Request, Response

RAW = "raw.example.com"
RAW_PORT = 5080
HIDDEN, SHOWN, PLAIN, NAMED, WARY = range(5071, 5076)
DOMAIN = "carrier.example"
INSIDE = "192.168."


def asks(nonce: str, more: str = "") -> tuple[str, str]:
    return "Proxy-Authenticate", f'Digest realm="{DOMAIN}", nonce="{nonce}", qop="auth", algorithm=MD5{more}'


def setting() -> Setting:
    """Trunks at one address, told apart by port: with an account, hiding PBXs or not; without; one named in To."""
    here = BEHIND_NAT.host("provider").ipv4()

    def trunk(port: int, prefix: str, **keys: Any) -> dict[str, Any]:
        common = {"addresses": [here], "keepalive": False, "pbxs": ["raw"], "server": DOMAIN}
        return {**common, "port": port, "prefixes": [prefix], "failover": {"timeout_seconds": 2.5}, **keys}

    account = {"user": "0555", "password": SecretName("carrier")}
    numbers = {"e164": {"country": "49"}}
    trunks = {
        "hidden": trunk(HIDDEN, "071", register=account, dids={"0555.": "raw"}),
        "shown": trunk(SHOWN, "072", register=dict(account), topology_hiding=False),
        "plain": trunk(PLAIN, "073"),
        "named": trunk(NAMED, "074", identity={"called": "trunk"}, numbers=numbers, topology_hiding=False),
    }
    stranger = BEHIND_NAT.host("stranger").ipv4()
    trunks["wary"] = trunk(WARY, "075", addresses=[stranger], identity={"trust": False})
    raw = {"names": [RAW], "nodes": [BEHIND_NAT.host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}}
    hq = {"names": [HQ], "nodes": [BEHIND_NAT.host("pbx-hq-a").ipv4()]}
    more = {"health": {"interval_seconds": 600}, "trunks": trunks}
    return Setting(BEHIND_NAT, pbxs={"raw": raw, "hq": hq}, more=more)


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    folder = folders()
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "secrets" / "carrier").write_text("s3cret")
    (folder / "secrets" / "carrier").chmod(0o600)
    with stage(setting(), folder) as made:
        yield made


@contextmanager
def parties(office: Stage, port: int, host: str = "provider") -> Iterator[list[Wire]]:
    """The PBX, and the provider at a port."""
    with ExitStack() as stack:
        pbx = stack.enter_context(Wire(office, "pbx-hq-b", RAW_PORT, EDGE_LAN))
        yield [pbx, stack.enter_context(Wire(office, host, port, EDGE_PUBLIC))]


def talk(pbx: Wire, there: Wire, number: str, *headers: tuple[str, str]) -> tuple[Request, Response]:
    """An answered call out that nobody has challenged: its INVITE at the provider, its answer at the PBX."""
    pbx.send(pbx.request("INVITE", f"sip:{number}@{EDGE_LAN}", 1, *headers))
    invite = there.asked("INVITE")
    there.reply(invite, 200)
    answer = pbx.answered(200)
    pbx.send(pbx.within(answer, "ACK", 1))
    assert there.asked("ACK").get("CSeq") == "1 ACK"
    return invite, answer


def challenged(there: Wire, method: str, cseq: str, again: str) -> Request:
    """A request that the provider challenges; the one that then comes."""
    first = there.asked(method, CSeq=f"{cseq} {method}")
    there.reply(first, 407, asks(f"n{cseq}"))
    if method == "INVITE":
        there.asked("ACK", CSeq=f"{cseq} ACK")
    second = there.asked(method, CSeq=f"{again} {method}")
    assert second.get("Proxy-Authorization").startswith('Digest username="0555"')
    assert f'uri="{second.uri}"' in second.get("Proxy-Authorization")
    assert second.branch != first.branch
    assert [second.all(name) for name in ("CSeq", "To", "From")] == [
        (f"{again} {method}",),
        first.all("To"),
        first.all("From"),
    ]
    return second


@pytest.mark.parametrize(("port", "number", "hides"), [(HIDDEN, "0711", True), (SHOWN, "0721", False)])
def test_what_is_challenged_inside_a_call_is_answered_by_the_edge(
    office: Stage, port: int, number: str, *, hides: bool
) -> None:
    with parties(office, port) as (pbx, there):
        _, answer = talk(pbx, there, number)
        # A re-INVITE.
        pbx.send(pbx.within(answer, "INVITE", 2))
        again = challenged(there, "INVITE", "2", "12")
        assert (INSIDE in str(again.headers)) is not hides
        there.reply(again, 200)
        pbx.answered(200, CSeq="2 INVITE")
        for _ in range(2):
            # An ACK that was lost and comes again is counted as its INVITE was.
            pbx.send(pbx.within(answer, "ACK", 2))
            assert there.asked("ACK", CSeq="12 ACK")
        # What is not challenged counts on from there; the provider counts for itself.
        pbx.send(pbx.within(answer, "INFO", 3))
        info = there.asked("INFO", CSeq="13 INFO")
        there.reply(info, 200)
        pbx.answered(200, CSeq="3 INFO")
        # An UPDATE, whose first answer was late.
        pbx.send(pbx.within(answer, "UPDATE", 4))
        update = challenged(there, "UPDATE", "14", "24")
        there.reply(update, 407, asks("later", ", stale=true"))
        update = there.asked("UPDATE", CSeq="34 UPDATE")
        assert 'nonce="later"' in update.get("Proxy-Authorization")
        there.reply(update, 200)
        pbx.answered(200, CSeq="4 UPDATE")
        pbx.send(pbx.within(answer, "BYE", 5))
        bye = challenged(there, "BYE", "35", "45")
        assert (INSIDE in str(bye.headers)) is not hides
        there.reply(bye, 200)
        done = pbx.answered(200, CSeq="5 BYE")
        assert len(done.all("Via")) == 1
        # Nobody but the edge has seen a challenge.
        assert [message for message in pbx.heard if getattr(message, "code", 0) == 407] == []


def test_inside_a_call_of_the_provider_a_challenge_is_answered_as_well(office: Stage) -> None:
    with parties(office, HIDDEN) as (pbx, there):
        there.send(there.request("INVITE", f"sip:05551@{EDGE_PUBLIC}", 1))
        invite = pbx.asked("INVITE")
        pbx.reply(invite, 200)
        answer = there.answered(200)
        there.send(there.within(answer, "ACK", 1))
        pbx.asked("ACK")
        pbx.send(pbx.back(invite, "theirs", "BYE", 70))
        bye = challenged(there, "BYE", "70", "80")
        assert bye.get("From").endswith(";tag=theirs")
        there.reply(bye, 200)
        pbx.answered(200, CSeq="70 BYE")


def test_credentials_that_are_refused_are_not_sent_for_ever(office: Stage) -> None:
    with parties(office, SHOWN) as (pbx, there):
        _, answer = talk(pbx, there, "0722")
        pbx.send(pbx.within(answer, "BYE", 2))
        there.reply(challenged(there, "BYE", "2", "12"), 407, asks("other"))
        assert pbx.answered(407, CSeq="2 BYE").get("Proxy-Authenticate") == asks("other")[1]


def test_where_the_edge_has_no_account_the_pbx_is_challenged(office: Stage) -> None:
    with parties(office, PLAIN) as (pbx, there):
        _, answer = talk(pbx, there, "0731")
        pbx.send(pbx.within(answer, "BYE", 2))
        there.reply(there.asked("BYE", CSeq="2 BYE"), 407, asks("n"))
        assert pbx.answered(407, CSeq="2 BYE").get("Proxy-Authenticate") == asks("n")[1]


@pytest.mark.parametrize(
    ("port", "number", "to"),
    [(PLAIN, "0731", f"<sip:0731@{DOMAIN}>"), (NAMED, "0741", f'"Bo" <sip:+49741@{DOMAIN}>')],
    ids=["hidden", "named"],
)
@pytest.mark.parametrize("host", [EDGE_LAN, RAW, f"{EDGE_LAN}:5060"])
def test_the_provider_finds_itself_in_to_and_the_pbx_its_own_words(
    office: Stage, port: int, number: str, to: str, host: str
) -> None:
    wrote = f'"Bo" <sip:{number}@{host}>' if port == NAMED else f"<sip:{number}@{host}>"
    with parties(office, port) as (pbx, there):
        pbx.send(pbx.request("INVITE", f"sip:{number}@{EDGE_LAN}", 1, ("To", wrote)))
        invite = there.asked("INVITE")
        assert invite.all("To") == (to,)
        there.reply(invite, 180)
        assert pbx.answered(180).all("To") == (f"{wrote};tag=theirs",)
        there.reply(invite, 200)
        answer = pbx.answered(200)
        assert answer.all("To") == (f"{wrote};tag=theirs",)
        pbx.send(pbx.within(answer, "ACK", 1))
        assert there.asked("ACK").all("To") == (f"{to};tag=theirs",)
        there.send(there.back(invite, "theirs", "INFO", 5))
        info = pbx.asked("INFO")
        assert info.get("From").endswith(";tag=theirs")
        pbx.reply(info, 200)
        assert there.answered(200, CSeq="5 INFO").all("From") == (f"{to};tag=theirs",)
        pbx.send(pbx.within(answer, "BYE", 2))
        bye = there.asked("BYE")
        assert bye.all("To") == (f"{to};tag=theirs",)
        there.reply(bye, 200)
        assert pbx.answered(200, CSeq="2 BYE").all("To") == (f"{wrote};tag=theirs",)


def test_to_is_no_matter_of_the_edge_where_nobody_asks_for_it(office: Stage) -> None:
    with parties(office, SHOWN) as (pbx, there):
        invite, answer = talk(pbx, there, "0723", ("To", f"<sip:0723@{RAW}>"))
        assert invite.get("To") == f"<sip:0723@{RAW}>"
        assert answer.get("To") == f"<sip:0723@{RAW}>;tag=theirs"
        pbx.send(pbx.within(answer, "BYE", 2))
        there.reply(there.asked("BYE"), 200)
        pbx.answered(200, CSeq="2 BYE")


@pytest.mark.parametrize(
    ("host", "number", "port", "passes"), [("provider", "0732", PLAIN, True), ("stranger", "0751", WARY, False)]
)
def test_only_a_provider_that_is_trusted_says_who_was_reached(
    office: Stage, host: str, number: str, port: int, *, passes: bool
) -> None:
    said = (("P-Asserted-Identity", '"Eve" <sip:1@carrier>'), ("Remote-Party-ID", "<sip:1@carrier>"))

    def shown(message: Request | Response) -> set[bool]:
        return {bool(message.get(name)) for name, _ in said}

    with parties(office, port, host) as (pbx, there):
        pbx.send(pbx.request("INVITE", f"sip:{number}@{EDGE_LAN}", 1))
        invite = there.asked("INVITE")
        for code in (180, 183, 200):
            there.reply(invite, code, *said)
            answer = pbx.answered(code)
            assert shown(answer) == {passes}, code
        pbx.send(pbx.within(answer, "ACK", 1))
        there.asked("ACK")
        # Inside the call: in answers, and in what the provider asks.
        pbx.send(pbx.within(answer, "UPDATE", 2))
        there.reply(there.asked("UPDATE"), 200, *said)
        assert shown(pbx.answered(200, CSeq="2 UPDATE")) == {passes}
        there.send(there.back(invite, "theirs", "INFO", 5, *said))
        info = pbx.asked("INFO")
        assert shown(info) == {passes}
        pbx.reply(info, 200)
        there.answered(200, CSeq="5 INFO")
        # And where a call is refused.
        pbx.send(pbx.request("INVITE", f"sip:{number}@{EDGE_LAN}", 1, ("Call-ID", f"refused-{number}")))
        there.reply(there.asked("INVITE", Call_ID=f"refused-{number}"), 486, *said)
        assert shown(pbx.answered(486)) == {passes}
