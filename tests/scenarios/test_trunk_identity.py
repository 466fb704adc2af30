"""What a provider and a PBX see of each other in a dialog, header by header: who calls, and CSeq after a challenge."""

from __future__ import annotations

import re
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

RAW = "raw.example.com"
RAW_PORT = 5080
ASKS, NEXT, NAMED, QUIET, OPEN = range(5071, 5076)
DOMAIN = "carrier.example"
CHALLENGE = ("Proxy-Authenticate", f'Digest realm="{DOMAIN}", nonce="n1", qop="auth", algorithm=MD5')
INSIDE = re.compile(r"\b192\.168\.")


def setting() -> Setting:
    """Trunks at one address, told apart by the first digits and by port; one that is not believed elsewhere."""
    here = BEHIND_NAT.host("provider").ipv4()

    def trunk(port: int, prefix: str, **keys: Any) -> dict[str, Any]:
        common = {"addresses": [here], "keepalive": False, "pbxs": ["raw"], "server": DOMAIN}
        return {**common, "port": port, "prefixes": [prefix], "failover": {"timeout_seconds": 2.5}, **keys}

    account = {"user": "0555", "password": SecretName("carrier")}
    identity = {"caller": "account", "user": "0555", "asserted": "from", "diversion": "history"}
    trunks = {
        "asks": trunk(ASKS, "071", register=account),
        "next": trunk(NEXT, "071", priority=2),
        "named": trunk(NAMED, "072", identity=identity, register=dict(account)),
        "quiet": trunk(QUIET, "073", identity={"privacy": "edge"}),
        "open": trunk(OPEN, "074", dids={"0555.": "raw"}),
        "wary": {
            "addresses": [BEHIND_NAT.host("stranger").ipv4()],
            "keepalive": False,
            "dids": {"0666.": "raw"},
            "identity": {"trust": False},
        },
    }
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
def parties(office: Stage, *ports: int) -> Iterator[list[Wire]]:
    """The PBX, then the provider at each of these ports."""
    with ExitStack() as stack:
        pbx = stack.enter_context(Wire(office, "pbx-hq-b", RAW_PORT, EDGE_LAN))
        there = [stack.enter_context(Wire(office, "provider", port, EDGE_PUBLIC)) for port in ports]
        yield [pbx, *there]


def call(pbx: Wire, number: str, *headers: tuple[str, str]) -> None:
    pbx.send(pbx.request("INVITE", f"sip:{number}@{EDGE_LAN}", 1, *headers))


def challenged(pbx: Wire, there: Wire, number: str) -> Any:
    """An INVITE that the provider has challenged; the one that then came."""
    call(pbx, number)
    first = there.asked("INVITE", CSeq="1 INVITE")
    there.reply(first, 407, CHALLENGE, tag="asks")
    assert there.asked("ACK").get("CSeq") == "1 ACK"
    second = there.asked("INVITE")
    assert second.get("CSeq") == "2 INVITE"
    assert second.get("Proxy-Authorization").startswith('Digest username="0555"')
    assert len([value for name, value in second.headers if name == "CSeq"]) == 1
    return second


def test_a_challenged_call_counts_on_in_the_whole_dialog(office: Stage) -> None:
    with parties(office, ASKS) as (pbx, there):
        invite = challenged(pbx, there, "0711")
        there.reply(invite, 183, ("Require", "100rel"), ("RSeq", "7"))
        early = pbx.answered(183)
        assert early.get("CSeq") == "1 INVITE"
        pbx.send(pbx.within(early, "PRACK", 2, ("RAck", "7 1 INVITE")))
        prack = there.asked("PRACK")
        assert (prack.get("CSeq"), prack.get("RAck")) == ("3 PRACK", "7 2 INVITE")
        there.reply(prack, 200)
        assert pbx.answered(200).get("CSeq") == "2 PRACK"
        there.reply(invite, 200)
        answer = pbx.answered(200, CSeq="1 INVITE")
        pbx.send(pbx.within(answer, "ACK", 1))
        assert there.asked("ACK").get("CSeq") == "2 ACK"
        # A re-INVITE that is refused: the edge acknowledges by what it sent.
        pbx.send(again := pbx.within(answer, "INVITE", 3))
        asked = there.asked("INVITE")
        assert asked.get("CSeq") == "4 INVITE"
        there.reply(asked, 488)
        assert there.asked("ACK").get("CSeq") == "4 ACK"
        refused = pbx.answered(488)
        assert refused.get("CSeq") == "3 INVITE"
        pbx.send(
            pbx.again(
                type(again)(
                    tuple((n, "3 ACK" if n == "CSeq" else v) for n, v in again.headers), method="ACK", uri=again.uri
                )
            )
        )
        # The provider counts for itself.
        there.send(there.back(invite, "theirs", "INFO", 77))
        info = pbx.asked("INFO")
        assert info.get("CSeq") == "77 INFO"
        pbx.reply(info, 200)
        assert there.answered(200).get("CSeq") == "77 INFO"
        pbx.send(pbx.within(answer, "BYE", 4))
        bye = there.asked("BYE")
        assert bye.get("CSeq") == "5 BYE"
        there.reply(bye, 200)
        assert pbx.answered(200, CSeq="4 BYE")


def test_a_challenged_call_is_withdrawn_by_the_number_that_was_sent(office: Stage) -> None:
    with parties(office, ASKS) as (pbx, there):
        invite = challenged(pbx, there, "0712")
        there.reply(invite, 180)
        pbx.answered(180)
        sent = pbx.request("INVITE", f"sip:0712@{EDGE_LAN}", 1)
        call(pbx, "0712", ("Call-ID", "withdrawn"))
        second = there.asked("INVITE", Call_ID="withdrawn")
        there.reply(second, 407, CHALLENGE)
        second = there.asked("INVITE", Call_ID="withdrawn", CSeq="2 INVITE")
        there.reply(second, 180)
        ringing = pbx.answered(180, Call_ID="withdrawn")
        cancel = tuple(
            (name, value if name != "CSeq" else "1 CANCEL")
            for name, value in sent.having(("Call-ID", "x")).headers
            if name not in {"Via", "Contact", "Call-ID"}
        )
        via = ("Via", ringing.get("Via").partition(";received")[0])
        pbx.send(type(sent)((via, *cancel, ("Call-ID", "withdrawn")), method="CANCEL", uri=sent.uri))
        came = there.asked("CANCEL")
        assert (came.get("CSeq"), came.branch) == ("2 CANCEL", second.branch)
        there.reply(came, 200)
        there.reply(second, 487)
        assert there.asked("ACK", Call_ID="withdrawn", CSeq="2 ACK")
        assert pbx.answered(487).get("CSeq") == "1 INVITE"


def test_the_next_trunk_is_called_by_the_number_that_was_reached(office: Stage) -> None:
    with parties(office, ASKS, NEXT) as (pbx, there, other):
        there.reply(challenged(pbx, there, "0713"), 503)
        invite = other.asked("INVITE")
        assert invite.get("CSeq") == "2 INVITE"
        assert invite.get("Proxy-Authorization") == ""
        other.reply(invite, 200)
        answer = pbx.answered(200, CSeq="1 INVITE")
        pbx.send(pbx.within(answer, "ACK", 1))
        assert other.asked("ACK").get("CSeq") == "2 ACK"
        pbx.send(pbx.within(answer, "BYE", 2))
        bye = other.asked("BYE")
        assert bye.get("CSeq") == "3 BYE"
        other.reply(bye, 200)
        pbx.answered(200, CSeq="2 BYE")


def test_a_call_that_is_not_challenged_keeps_its_numbers(office: Stage) -> None:
    with parties(office, ASKS) as (pbx, there):
        call(pbx, "0714")
        there.reply(there.asked("INVITE"), 200)
        answer = pbx.answered(200)
        assert ";u=0-" in answer.get("Record-Route")
        pbx.send(pbx.within(answer, "BYE", 2))
        assert there.asked("BYE").get("CSeq") == "2 BYE"


def test_a_provider_sees_the_account_in_from_and_the_pbx_its_own_words(office: Stage) -> None:
    here = BEHIND_NAT.host("pbx-hq-b").ipv4()
    asks = ("From", f'"Ann" <sip:200@{here}>;tag=ours')
    history = ("History-Info", f"<sip:300@{here}>;index=1, <sip:200@{here};cause=302>;index=1.1")
    with parties(office, NAMED) as (pbx, there):
        call(pbx, "0721", asks, history)
        first = there.asked("INVITE")
        there.reply(first, 401, ("WWW-Authenticate", CHALLENGE[1]))
        invite = there.asked("INVITE", CSeq="2 INVITE")
        for came in (first, invite):
            assert came.get("From") == f'"Ann" <sip:0555@{DOMAIN}>;tag=ours'
            assert came.all("P-Asserted-Identity") == (f'"Ann" <sip:200@{RAW}>',)
            assert came.get("Diversion") == f"<sip:300@{RAW}>;reason=unconditional;counter=1"
            assert came.get("History-Info") == ""
            assert not INSIDE.search(str(came.headers)), came
        there.reply(invite, 200)
        answer = pbx.answered(200)
        assert (answer.get("From"), answer.get("CSeq")) == (asks[1], "1 INVITE")
        assert "tag=theirs" in answer.get("To")
        pbx.send(pbx.within(answer, "ACK", 1))
        ack = there.asked("ACK")
        assert (ack.get("From"), ack.get("P-Asserted-Identity")) == (f'"Ann" <sip:0555@{DOMAIN}>;tag=ours', "")
        there.send(there.back(invite, "theirs", "INFO", 5))
        info = pbx.asked("INFO")
        assert info.get("To").endswith(";tag=ours")
        pbx.reply(info, 200)
        there.answered(200)
        pbx.send(pbx.within(answer, "BYE", 2))
        bye = there.asked("BYE")
        assert (bye.get("From"), bye.get("CSeq")) == (f'"Ann" <sip:0555@{DOMAIN}>;tag=ours', "3 BYE")
        there.reply(bye, 200)
        assert pbx.answered(200, CSeq="2 BYE").get("From") == asks[1]


def test_a_caller_who_wants_to_stay_unknown_is_told_to_nobody(office: Stage) -> None:
    here = BEHIND_NAT.host("pbx-hq-b").ipv4()
    secret = (
        ("Privacy", "id"),
        ("P-Asserted-Identity", f"<sip:200@{here}>"),
        ("Remote-Party-ID", f"<sip:200@{here}>"),
        ("Diversion", f"<sip:200@{here}>;reason=unknown"),
    )
    with parties(office, QUIET) as (pbx, there):
        call(pbx, "0731", *secret)
        invite = there.asked("INVITE")
        assert invite.get("From") == '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=ours'
        assert not re.search(r"\b200\b|Privacy|Asserted|Diversion|Remote-Party", str(invite.headers)), invite
        there.reply(invite, 200)
        answer = pbx.answered(200)
        assert answer.get("From") == f"<sip:200@{here}>;tag=ours"
        pbx.send(pbx.within(answer, "BYE", 2, ("P-Asserted-Identity", f"<sip:200@{here}>")))
        bye = there.asked("BYE")
        assert bye.get("From") == '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=ours'
        assert bye.get("P-Asserted-Identity") == ""
        there.reply(bye, 200)
        pbx.answered(200, CSeq="2 BYE")
        call(pbx, "0732", *secret[1:])
        known = there.asked("INVITE")
        assert known.get("From") == f"<sip:200@{RAW}>;tag=ours"
        assert known.get("P-Asserted-Identity") == f"<sip:200@{RAW}>"


def test_no_header_of_identity_shows_where_a_hidden_pbx_is(office: Stage) -> None:
    here = BEHIND_NAT.host("pbx-hq-b").ipv4()
    names = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion", "History-Info")
    with parties(office, OPEN) as (pbx, there):
        call(pbx, "0741", *((name, f"<sip:200@{here}:{RAW_PORT}>") for name in names))
        invite = there.asked("INVITE")
        assert {name: invite.get(name) for name in names} == dict.fromkeys(names, f"<sip:200@{RAW}>")
        there.reply(invite, 486)
        pbx.answered(486)


@pytest.mark.parametrize(("host", "number", "passes"), [("provider", "05551", True), ("stranger", "06661", False)])
def test_only_a_provider_that_is_trusted_says_who_calls(office: Stage, host: str, number: str, *, passes: bool) -> None:
    said = (("P-Asserted-Identity", "<sip:1@carrier>"), ("Remote-Party-ID", "<sip:1@carrier>"))
    with parties(office) as (pbx,), Wire(office, host, 5079, EDGE_PUBLIC) as there:
        there.send(there.request("INVITE", f"sip:{number}@{EDGE_PUBLIC}", 1, *said))
        invite = pbx.asked("INVITE")
        assert bool(invite.get("P-Asserted-Identity") and invite.get("Remote-Party-ID")) is passes
        assert bool(invite.get("P-Asserted-Identity") or invite.get("Remote-Party-ID")) is passes
        pbx.reply(invite, 486)
        there.answered(486)


def test_nothing_that_a_hidden_pbx_says_of_people_shows_a_phone_where_it_is(office: Stage) -> None:
    here = BEHIND_NAT.host("pbx-hq-b").ipv4()
    said = tuple((name, f'"Bo" <sip:600@{here}:{RAW_PORT}>') for name in ("P-Asserted-Identity", "Remote-Party-ID"))
    shown = dict.fromkeys(("P-Asserted-Identity", "Remote-Party-ID"), f'"Bo" <sip:600@{RAW}>')
    with parties(office) as (pbx,), Wire(office, "phone-home", 5394, EDGE_PUBLIC) as phone:
        phone.send(phone.request("INVITE", f"sip:600@{RAW}", 1))
        invite = pbx.asked("INVITE")
        for code in (180, 200):
            pbx.reply(invite, code, *said)
            answer = phone.answered(code)
            assert {name: answer.get(name) for name in shown} == shown
        phone.send(phone.within(answer, "ACK", 1))
        pbx.asked("ACK")
        pbx.send(pbx.back(invite, "theirs", "UPDATE", 9, *said))
        update = phone.asked("UPDATE")
        assert {name: update.get(name) for name in shown} == shown
        assert [len(update.all(name)) for name in shown] == [1, 1]
        phone.reply(update, 200)
        pbx.answered(200, CSeq="9 UPDATE")
