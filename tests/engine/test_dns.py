"""`voxgate dns` against real name servers: what it prints is taken by them, and what it misses is found."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab.edge import Edge
from lab.knot import NameServer
from lab.nameserver import Nameserver
from lab.net import Net
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import MARKS, config, folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

ZONE = "example.com"
#: The zone's other records, which are nobody's business here.
OTHERS = ("@ A 192.0.2.80", "www A 192.0.2.80")


class Place:
    """An edge that does not even run, Knot on the internet, and what `voxgate dns` says."""

    def __init__(self, stack: ExitStack) -> None:
        self.folder = stack.enter_context(folder())
        self.net = stack.enter_context(Net(BEHIND_NAT))
        made = config(turn={"tls_port": 5349}, listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5061}})
        made["pbxs"]["hq"]["names"] = [ZONE, "hq.example.com"]
        self.edge = Edge(self.net, self.folder, made)
        self.names = stack.enter_context(NameServer(self.net, "internet", self.folder, {ZONE: OTHERS}))

    def plan(self, *words: str) -> list[str]:
        """The printed lines."""
        done = self.edge.command("dns", "plan", str(self.edge.file), "--zone", ZONE, *words)
        assert done.code == 0, done.err
        return done.out.splitlines()

    def check(self, server: str, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and the findings by name and type."""
        done = self.edge.command("dns", "check", str(self.edge.file), "--server", server, "--json", *words)
        assert not done.err
        return done.code, {f"{one['name']} {one['type']}": one for one in json.loads(done.out)["findings"]}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack)


@pytest.fixture(scope="module")
def plan(place: Place) -> list[str]:
    return place.plan()


def test_a_name_server_takes_the_zone_and_the_check_is_content(place: Place) -> None:
    place.names.replace(ZONE, [*place.plan(), *OTHERS])
    code, findings = place.check(place.names.address)
    # The zone's own web site stays where it is.
    assert (code, set(findings)) == (0, {"example.com A", "example.com AAAA"})
    assert findings["example.com A"]["grade"] == "note"
    text = place.edge.command("dns", "check", str(place.edge.file), "--server", place.names.address).out
    assert "the public DNS leads to this edge" in text


@pytest.mark.parametrize(
    ("mistake", "name", "grade", "cure"),
    [
        (("edge.example.com. IN A ", ""), "edge.example.com A", "error", f"add edge.example.com. A {EDGE_PUBLIC}"),
        (("edge.example.com. IN A ", "edge A 192.0.2.9"), "edge.example.com A", "error",
         f"replace it by edge.example.com. A {EDGE_PUBLIC}"),
        (("hq.example.com. IN AAAA ", "hq AAAA 2001:db8:9::9"), "hq.example.com AAAA", "error",
         f"replace it by hq.example.com. AAAA {EDGE_PUBLIC_SIX}"),
        (("_sip._udp.example.com. ", ""), "_sip._udp.example.com SRV", "warning",
         "add _sip._udp.example.com. SRV 10 10 5060 edge.example.com."),
        (("_sips._tcp.example.com. ", "_sips._tcp SRV 10 10 5060 edge"), "_sips._tcp.example.com SRV", "error",
         "replace it by _sips._tcp.example.com. SRV 10 10 5061 edge.example.com."),
        (('"SIPS+D2T"', ""), "example.com NAPTR", "note",
         'add example.com. NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.'),
    ],
)  # fmt: skip
def test_each_mistake_is_found_with_its_cure(  # noqa: PLR0917
    place: Place, plan: list[str], mistake: tuple[str, str], name: str, grade: str, cure: str
) -> None:
    """A mistake is a part of the lines that are left out, and the line that stands there instead."""
    without, instead = mistake
    lines = [line for line in plan if without not in line or line.startswith(";")]
    assert len(lines) < len(plan)
    place.names.replace(ZONE, [*lines, *OTHERS, instead])
    code, findings = place.check(place.names.address)
    assert (code, findings[name]["grade"], findings[name]["cure"]) == (grade != "note", grade, cure)


def test_inside_the_same_names_lead_to_the_private_address(place: Place) -> None:
    lines = place.plan("--view", "inside", "--format", "dnsmasq")
    with Nameserver(place.net, "phone-lan", place.folder, lines) as inside:
        del inside
        code, findings = place.check("192.168.1.50", "--view", "inside")
        assert (code, {one["grade"] for one in findings.values()}) == (0, {"note"})
    place.names.replace(ZONE, [*place.plan(), *OTHERS])
    code, findings = place.check(place.names.address, "--view", "inside")
    wrong = findings["edge.example.com A"]
    assert (code, wrong["what"]) == (1, f"leads elsewhere: {EDGE_PUBLIC}")
    assert wrong["cure"] == f"replace it by edge.example.com. A {EDGE_LAN}"


def test_a_name_server_that_is_silent_is_no_answer(place: Place) -> None:
    code, findings = place.check("203.0.113.99", "--zone", "edge.example.com")
    assert code == 1
    assert findings["edge.example.com A"]["what"].startswith("cannot be looked up")
