"""The torture messages of RFC 4475 through the edge: each meets what a table says, and nothing dies of them."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import TONES_HZ, Setting, Stage, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT
from tests.scenarios.scene import Party, alone, check_clean, check_hears
from tests.scenarios.torture import Outcome, Pbx, Vector, table, throw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TABLE = {vector.name: vector for vector in table()}
#: The domains of the RFC's requests; all of them are this PBX's.
NAMES = ("example.com", "example.net", "example.org", "chair-dnrc.example.com", "registrar.example.com")
PORT = 5080
#: What Kamailio cannot read in a message that it should: with these words replaced, all the rest passes.
ONE_ODD_THING = {
    "wsinv": (
        (b"cseq: 0009\r\n  INVITE", b"cseq: 0009 INVITE"),
        # Not odd, but inside a dialog: the Route must lead here, the URI to the PBX.
        (b"sip:services.example.com", b"sip:203.0.113.45"),
        (b"INVITE sip:vivekg@chair-dnrc.example.com", b"INVITE sip:vivekg@192.168.1.21:5080"),
    ),
    "intmeth": ((b"extensionHeader-!.%*+_`'~:", b"extensionHeader-:"),),
    "esc02": ((b"C%6Fntact:", b"Contact:"),),
}
ROUNDS = 20
GROWTH_LIMIT_BYTES = 240_000
"""80 bytes for each message, as in tests/engine/test_edge_hostile.py."""


@dataclass
class Office:
    """An edge before a PBX of the test; what became of the messages, once for each transport."""

    stage: Stage
    pbx: Pbx
    outcomes: dict[str, dict[str, Outcome]] = field(default_factory=dict)

    def outcome(self, name: str, transport: str) -> Outcome:
        if transport not in self.outcomes:
            self.forget_transactions()
            messages = {vector.name: vector.octets() for vector in TABLE.values()}
            self.outcomes[transport] = throw(self.stage, self.pbx, messages, transport)
        return self.outcomes[transport][name]

    def forget_transactions(self) -> None:
        """Until no transaction is left: a message that comes again would be taken for a repetition."""
        deadline = time.monotonic() + 60
        while (found := re.search(r"current: (\d+)", self.stage.edge.kamailio("tm.stats").out)) and found[1] != "0":
            assert time.monotonic() < deadline, "transactions stay"
            time.sleep(0.2)

    def shared_bytes(self) -> int:
        lines = self.stage.edge.kamailio("core.shmmem").out.splitlines()
        return next(int(line.split(":")[1]) for line in lines if "used:" in line and "real" not in line)

    def check_alive(self) -> None:
        """No engine was started anew, and a call of an ordinary phone is as good as ever."""
        assert [engine["restarts"] for engine in self.stage.edge.status()["engines"]] == [0, 0]
        report = asyncio.run(alone(self.stage, Party("phone-home", "udp", "survivor"), Script("600", talk_s=2)))
        check_clean(report)
        check_hears(self.stage, "phone-home", report, TONES_HZ["pbx-branch"], 1.0)


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Office]:
    address = BEHIND_NAT.host("pbx-hq-b").ipv4()
    pbxs = {"hq": {"names": list(NAMES), "nodes": [address], "sip": {"udp": PORT}}}
    with ExitStack() as stack:
        # The PBX answers health checks with 404, which counts as alive; these come rarely all the same.
        setting = Setting(BEHIND_NAT, pbxs=pbxs, more={"health": {"interval_seconds": 600}})
        made = stack.enter_context(stage(setting, folders()))
        sock = stack.enter_context(made.net.socket("pbx-hq-b"))
        sock.bind((address, PORT))
        yield Office(made, stack.enter_context(Pbx(sock)))


def test_all_49_messages_are_there() -> None:
    sections = [vector.section for vector in TABLE.values()]
    counts = {"3.1.1": 13, "3.1.2": 19, "3.2": 1, "3.3": 15, "3.4": 1}
    assert {top: sum(section.startswith(f"{top}.") for section in sections) for top in counts} == counts


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("vector", TABLE.values(), ids=TABLE)
def test_each_message_meets_what_the_table_says(office: Office, vector: Vector, transport: str) -> None:
    outcome = office.outcome(vector.name, transport)
    match vector.expected(transport):
        case "passes":
            assert outcome.at_pbx
            # In a stream, what stands behind its second message ends the connection, perhaps before the answer comes.
            cut_off = (vector.name, transport) == ("dblreq", "tcp")
            assert cut_off or "404" in outcome.codes, "the PBX's answer"
            check_unharmed(vector.octets(), outcome.at_pbx[0])
        case "refused":
            assert not outcome.at_pbx
            assert all("400" <= code < "600" for code in outcome.codes)
        case "silence":
            assert (outcome.at_pbx, outcome.answers) == ((), ())
        case code:
            assert (outcome.at_pbx, set(outcome.codes)) == ((), {code})


@pytest.mark.parametrize("name", ONE_ODD_THING)
def test_the_engine_stumbles_over_one_odd_thing_only(office: Office, name: str) -> None:
    octets = TABLE[name].octets()
    for odd, plain in ONE_ODD_THING[name]:
        assert odd in octets
        octets = octets.replace(odd, plain)
    office.forget_transactions()
    outcome = throw(office.stage, office.pbx, {name: octets}, "udp")[name]
    assert outcome.at_pbx
    check_unharmed(octets, outcome.at_pbx[0])


def test_nothing_died_and_the_next_call_works(office: Office) -> None:
    for transport in ("udp", "tcp"):
        office.outcome("wsinv", transport)
    office.check_alive()


def test_the_same_messages_again_and_again_cost_no_memory(office: Office) -> None:
    messages = {vector.name: vector.octets() for vector in TABLE.values()}
    throw(office.stage, office.pbx, messages, "udp")
    office.forget_transactions()
    before = office.shared_bytes()
    for number in range(ROUNDS):
        again = {
            name: octets.replace(b"branch=z9hG4bK", b"branch=z9hG4bK%d" % number) for name, octets in messages.items()
        }
        throw(office.stage, office.pbx, again, "udp", quiet_s=0.1)
    office.forget_transactions()
    assert office.shared_bytes() - before < GROWTH_LIMIT_BYTES
    office.check_alive()


#: Headers that a proxy writes itself, or that it may change (RFC 3261 section 16.6).
CHANGED = re.compile(rb"(?i)(via|v|max-forwards|contact|m|content-length|l|route|record-route|content-type|c)[ \t]*:")


def check_unharmed(sent: bytes, came: bytes) -> None:
    """Request line and all headers that are none of a proxy's business are the same octets; so is a body but SDP."""
    head, _, body = sent.partition(b"\r\n\r\n")
    start, *headers = re.split(rb"\r\n(?![ \t])", head)
    lines = re.split(rb"\r\n(?![ \t])", came.partition(b"\r\n\r\n")[0])
    assert re.sub(rb"\s+", b" ", start).strip() == lines[0].strip()
    for header in headers:
        assert header in lines or CHANGED.match(header), header
    if b"application/sdp" not in head and b"dblreq" not in head:
        assert came.partition(b"\r\n\r\n")[2] == body
