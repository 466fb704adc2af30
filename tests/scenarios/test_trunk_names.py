"""A trunk that is given by name: DNS leads its calls; changes need no restart, and its silence takes nothing away.

The provider's DNS is a real server; what it says is changed while the edge runs.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.demo.stage import Setting, Stage, stage
from lab.demo.stranger import received
from lab.nameserver import Nameserver
from lab.peers.address import Hop
from lab.peers.answerer import Answerer
from lab.topologies import CARRIER as INTERNET
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_PUBLIC
from tests.scenarios.test_trunk_packets import Packet, invite
from tests.scenarios.trunk_office import RAW, RAW_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST, SIX, OTHER = "203.0.113.60", "2001:db8:1::60", "203.0.113.62"
NAME = "sip.carrier.example"
SRV = f"_sip._udp.{NAME}"
FIRST, SECOND, TCP = 5071, 5072, 5073
ZONE = (
    f"srv-host={SRV},a.carrier.example,{FIRST},10,0",
    f"srv-host={SRV},b.carrier.example,{SECOND},20,0",
    f"host-record=a.carrier.example,{HOST}",
    f"host-record=b.carrier.example,{HOST}",
    f"host-record=calls.carrier.example,{HOST}",
)
TRUNK: dict[str, Any] = {
    "server": NAME,
    "addresses": ["198.51.100.0/24"],
    "dids": {"0555209": "raw"},
    "pbxs": ["raw"],
    "failover": {"timeout_seconds": 2.5},
}
#: Calls in come from a name of its own.
CALLS = {"outbound_proxy": NAME, "addresses": ["calls.carrier.example"]}
SOON_S = 60


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[tuple[Stage, Nameserver]]:
    more = {"health": {"interval_seconds": 1}, "trunks": {"carrier": TRUNK}}
    raw = {"names": [RAW], "nodes": [DMZ.host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}}
    hq = {"names": ["example.com"], "nodes": [DMZ.host("pbx-hq-a").ipv4()]}
    setting = Setting(DMZ, edge={"dns_servers": [INTERNET]}, pbxs={"raw": raw, "hq": hq}, more=more)
    with stage(setting, folders()) as made, Nameserver(made.net, "internet", made.folder, ZONE) as dns:
        yield made, dns


@pytest.fixture
def raw(office: tuple[Stage, Nameserver]) -> Iterator[Answerer]:
    """The PBX that is a socket."""
    made, _ = office
    with Answerer(made.net.maker("pbx-hq-b"), [Hop("udp", made.net.host("pbx-hq-b").ipv4(), RAW_PORT)]) as pbx:
        made.edge.wait_for_node(made.net.host("pbx-hq-b").ipv4(), "up")
        yield pbx


def provider(office: Stage, *places: Hop) -> Answerer:
    return Answerer(office.net.maker("provider"), places)


def call_out(office: Stage, raw: Answerer) -> int:
    """The PBX calls a number; the final answer that it gets."""
    packet = Packet(office.net.host("pbx-hq-b").ipv4(), RAW_PORT).invite(f"sip:0301234@{EDGE_INSIDE}")
    raw.send(packet, (EDGE_INSIDE, 5060))
    return raw.answer(packet).code


def trunk(office: Stage) -> dict[str, Any]:
    found: dict[str, Any] = office.edge.status()["trunks"][0]
    return found


def until(office: Stage, right: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The trunk in status, as soon as it is as it should be."""
    end_s = time.monotonic() + SOON_S
    while not right(found := trunk(office)):
        if time.monotonic() > end_s:
            pytest.fail(f"{found}\n{office.edge.text()[-3000:]}")
        time.sleep(0.2)
    return found


def addresses(found: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(one["transport"], one["address"], one["port"]) for one in found["addresses"]]


def states(found: dict[str, Any]) -> list[str]:
    return [one["state"] for one in found["addresses"]]


def apply(office: Stage, dns: Nameserver, zone: tuple[str, ...], **keys: Any) -> None:
    """Another zone and another trunk."""
    dns.say(*zone)

    config = yaml.safe_load(office.edge.file.read_text())
    config["trunks"] = {"carrier": {**TRUNK, **keys}}
    done = office.edge.apply(config, "--yes")
    assert done.code == 0, done.out + done.err


def test_calls_go_by_priority_and_on_to_the_next_target(office: tuple[Stage, Nameserver], raw: Answerer) -> None:
    made, dns = office
    first, second = Hop("udp", HOST, FIRST), Hop("udp", HOST, SECOND)
    # The zone may have come after the edge: a name that was not found is asked for again.
    until(made, lambda found: addresses(found) == [("udp", HOST, FIRST), ("udp", HOST, SECOND)])
    with provider(made, second) as backup:
        with provider(made, first) as best:
            found = until(made, lambda found: states(found) == ["up", "up"])
            assert all(one["since"] for one in found["addresses"])
            assert call_out(made, raw) == 486
            assert best.wait("INVITE").text.startswith(f"INVITE sip:0301234@{NAME} SIP/2.0")
        # Gone, though nobody knows it yet: the call goes on.
        assert call_out(made, raw) == 486
        assert backup.wait("INVITE").place == second
        until(made, lambda found: states(found) == ["down", "up"])
        assert "1 of 2 addresses down" in " ".join(made.edge.status()["reasons"])
    assert "_sip._udp" in dns.text()


def test_another_answer_is_followed_without_a_restart(office: tuple[Stage, Nameserver], raw: Answerer) -> None:
    made, dns = office
    apply(made, dns, ZONE, **CALLS)
    until(made, lambda found: len(found["addresses"]) == 2)
    before, history = made.edge.status(), json.loads(made.edge.command("history", "--json").out)
    with provider(made, Hop("udp", HOST, SECOND)) as there:
        made.net.run("provider", ["ip", "address", "add", f"{OTHER}/24", "dev", "eth0"])
        dns.say(
            f"srv-host={SRV},b.carrier.example,{SECOND},1,0",
            f"host-record=b.carrier.example,{HOST}",
            f"host-record=calls.carrier.example,{OTHER}",
        )
        until(made, lambda found: addresses(found) == [("udp", HOST, SECOND)] and states(found) == ["up"])
        assert call_out(made, raw) == 486
        assert there.wait("INVITE").place.port == SECOND
    # Calls from the name's new address are the trunk's.
    with closing(made.net.socket("provider")) as caller:
        caller.bind((OTHER, 5099))
        end_s = time.monotonic() + SOON_S
        while time.monotonic() < end_s:
            caller.sendto(Packet(OTHER, 5099).request("OPTIONS", f"sip:x@{EDGE_PUBLIC}"), (EDGE_PUBLIC, 5060))
            if received(caller, first_s=0.3, quiet_s=0.1):
                break
        caller.sendto(invite(Packet(OTHER, 5099), f"sip:0555209@{EDGE_PUBLIC}"), (EDGE_PUBLIC, 5060))
        assert raw.wait("INVITE").text.startswith(f"INVITE sip:0555209@{RAW} ")
    after = made.edge.status()
    pids = [[engine["pid"] for engine in status["engines"]] for status in (before, after)]
    assert pids[0] == pids[1]
    assert after["generation"] > before["generation"]
    assert after["drift"] == []
    # Nobody edited anything: a way back leads past it.
    kept = [one["generation"] for one in history["generations"]]
    now = json.loads(made.edge.command("history", "--json").out)
    assert [one["generation"] for one in now["generations"]] == [*kept[:-1], after["generation"]]


def test_a_dns_that_is_gone_takes_nothing_away(office: tuple[Stage, Nameserver], raw: Answerer) -> None:
    made, dns = office
    apply(made, dns, ZONE)
    until(made, lambda found: addresses(found) == [("udp", HOST, FIRST), ("udp", HOST, SECOND)])
    dns.stop()
    with provider(made, Hop("udp", HOST, FIRST)) as there:
        found = until(made, lambda found: found["names"][0]["reason"])
        assert (found["names"][0]["name"], found["names"][0]["addresses"]) == (NAME, 2)
        assert any("the last answer is kept (2)" in reason for reason in made.edge.status()["reasons"])
        # Not even a restart forgets it.
        made.edge.stop()
        made.edge.start()
        until(made, lambda found: addresses(found) == [("udp", HOST, FIRST), ("udp", HOST, SECOND)])
        made.edge.wait_for_node(made.net.host("pbx-hq-b").ipv4(), "up")
        assert call_out(made, raw) == 486
        assert there.wait("INVITE").place.port == FIRST
    dns.start()
    until(made, lambda found: not found["names"][0]["reason"])


def test_a_name_with_ipv6_alone_is_called_by_ipv6(office: tuple[Stage, Nameserver], raw: Answerer) -> None:
    made, dns = office
    zone = (f"srv-host={SRV},six.carrier.example,{FIRST},1,0", f"host-record=six.carrier.example,{SIX}")
    apply(made, dns, zone)
    with provider(made, Hop("udp", SIX, FIRST)) as there:
        until(made, lambda found: addresses(found) == [("udp", SIX, FIRST)])
        assert call_out(made, raw) == 486
        assert "c=IN IP6 2001:db8:1::10" in there.wait("INVITE").text


@pytest.mark.parametrize(("version", "expected"), [(None, HOST), (6, SIX)])
def test_one_ip_version_of_a_name_with_both_is_used(
    office: tuple[Stage, Nameserver], version: int | None, expected: str
) -> None:
    made, dns = office
    zone = (f"srv-host={SRV},two.carrier.example,{FIRST},1,0", f"host-record=two.carrier.example,{HOST},{SIX}")
    apply(made, dns, zone, **({"ip_version": version} if version else {}))
    until(made, lambda found: addresses(found) == [("udp", expected, FIRST)])


def test_dns_chooses_a_transport_that_is_open(office: tuple[Stage, Nameserver], raw: Answerer) -> None:
    made, dns = office
    zone = (
        f"naptr-record={NAME},10,10,s,SIP+D2T,,_sip._tcp.{NAME}",
        f"naptr-record={NAME},20,10,s,SIP+D2U,,{SRV}",
        f"srv-host=_sip._tcp.{NAME},a.carrier.example,{TCP},1,0",
        *ZONE,
    )
    apply(made, dns, zone)
    with provider(made, Hop("tcp", HOST, TCP)) as there:
        until(made, lambda found: addresses(found) == [("tcp", HOST, TCP)])
        assert call_out(made, raw) == 486
        assert there.wait("INVITE").values("Via")[0].startswith("SIP/2.0/TCP ")
