"""What one provider alone is shown of the edge: a port, a name, a certificate, no PBX. Packets at the provider."""

from __future__ import annotations

import re
import ssl
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab import tls
from lab.demo.stage import Setting, Stage, stage
from lab.peers.address import Hop
from lab.peers.answerer import ANSWERS, Answerer, Asked
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_PUBLIC
from tests.scenarios.test_trunk_packets import Packet, invite
from tests.scenarios.trunk_office import RAW, RAW_PORT, in_dialog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST, PBX = "203.0.113.60", "172.16.0.11"
PORT, TLS_PORT, OPEN_PORT = 5071, 5081, 5083
ONE, TWO = 5072, 5074
SBC, SECOND, HUB = "sbc.example.com", "second.example.com", "sip.hub.example"
SOON_S = 60
LINES = {
    "one": {"port": PORT, "source_port": ONE, "dids": {"0555201": "raw"}, "prefixes": "01"},
    "two": {"port": PORT, "source_port": TWO, "dids": {"0555202": "raw"}, "prefixes": "02"},
    "open": {"port": OPEN_PORT, "topology_hiding": False, "dids": {"0555204": "raw"}, "prefixes": "04"},
}
HUB_TRUNK = {"server": HUB, "port": TLS_PORT, "transport": "tls", "edge_name": SBC, "prefixes": "03"}


class Office:
    """A running edge with a PBX that is a socket, and the certificates of the hub."""

    def __init__(self, made: Stage, pbx: Answerer, folder: Path) -> None:
        self.stage, self.pbx = made, pbx
        self.config = yaml.safe_load(made.edge.file.read_text())
        authority, other = tls.authority("Hub CA"), tls.authority("Other CA")
        folder.mkdir()
        self.hub = authority.issue(folder, HUB, stem="hub")
        (folder / "other").mkdir()
        self.stranger = other.issue(folder / "other", HUB, stem="stranger")
        (folder / "namesake").mkdir()
        self.namesake = authority.issue(folder / "namesake", "other.hub.example", stem="namesake")
        (folder / "us").mkdir()
        ours = tls.authority("Our CA")
        self.ours = ours.issue(folder / "us", SBC, stem="sbc")
        self.second = ours.issue(folder / "us", SECOND, stem="second")

    def context(self, shown: tls.Identity | None = None) -> ssl.SSLContext:
        """The hub's TLS: it shows its certificate and wants ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain((shown or self.hub).certificate, (shown or self.hub).key)
        context.load_verify_locations(self.ours.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def apply(self, more: dict[str, Any] | None = None, **hub: Any) -> None:
        """The same with such a trunk to the hub, and `more` trunks."""
        pair = {"certificate": str(self.ours.certificate), "key": str(self.ours.key), "ca": str(self.hub.ca)}
        entry = {**HUB_TRUNK, "tls": pair, **hub}
        kept = {key: value for key, value in entry.items() if value is not None}
        done = self.stage.edge.apply(
            {**self.config, "trunks": {**trunks(), "hub": line(kept), **(more or {})}}, "--yes"
        )
        assert done.code == 0, done.out + done.err

    def dial(self, number: str) -> tuple[bytes, Asked]:
        """The PBX calls; its INVITE, and the final answer."""
        packet = Packet(PBX, RAW_PORT).invite(f"sip:{number}@{EDGE_INSIDE}")
        self.pbx.send(packet, (EDGE_INSIDE, 5060))
        return packet, self.pbx.answer(packet)

    def health(self, name: str, state: str) -> dict[str, Any]:
        """The trunk's address in status, as soon as it has that state."""
        end_s = time.monotonic() + SOON_S
        while True:
            found: dict[str, Any] = next(one for one in self.stage.edge.status()["trunks"] if one["name"] == name)
            if [one["state"] for one in found["addresses"]] == [state]:
                return found
            if time.monotonic() > end_s:
                pytest.fail(f"{found}\n{self.stage.edge.text()[-2000:]}")
            time.sleep(0.2)


def line(entry: dict[str, Any]) -> dict[str, Any]:
    return {"addresses": [HOST], "pbxs": ["raw"], "failover": {"timeout_seconds": 2.5}, **entry}


def trunks() -> dict[str, Any]:
    return {name: line(entry) for name, entry in LINES.items()}


@contextmanager
def an_office(folder: Path) -> Iterator[Office]:
    """Its edge runs."""
    pbxs = {
        "raw": {"names": [RAW], "nodes": [PBX], "sip": {"udp": RAW_PORT}},
        "hq": {"names": ["example.com"], "nodes": [DMZ.host("pbx-hq-a").ipv4()]},
    }
    more = {"health": {"interval_seconds": 1}, "trunks": trunks(), "listen": {"sip": {"udp": 5060, "tls": 5061}}}
    with stage(Setting(DMZ, pbxs=pbxs, more=more), folder) as made:
        answers = {**ANSWERS, "INVITE": 200}
        with Answerer(made.net.maker("pbx-hq-b"), [Hop("udp", PBX, RAW_PORT)], answers) as pbx:
            made.edge.wait_for_node(PBX, "up")
            yield Office(made, pbx, folder / "hub")


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Office]:
    with an_office(folders()) as made:
        yield made


def provider(office: Office, *places: Hop, **keys: Any) -> Answerer:
    answers = {**ANSWERS, "INVITE": 200}
    return Answerer(office.stage.net.maker("provider"), places, answers, **keys)


def shown(asked: Asked) -> set[str]:
    """`host:port` in every header that names the edge: of Vias, where the request came from."""
    found = {asked.values("Via")[0].partition(";")[0].rpartition(" ")[2]}
    for name in ("Record-Route", "Contact"):
        found |= set(re.findall(r"sip:(?:[^@>]*@)?([^;>]+)", " ".join(asked.values(name))))
    return found


@pytest.mark.parametrize(("number", "port"), [("01234", ONE), ("02234", TWO)])
def test_a_trunk_speaks_from_its_own_port(office: Office, number: str, port: int) -> None:
    with provider(office, Hop("udp", HOST, PORT)) as there:
        office.health("one", "up")
        office.health("two", "up")
        sent, answered = office.dial(number)
        assert answered.code == 200
        came = there.wait("INVITE")
        assert came.source == (EDGE_PUBLIC, port)
        assert shown(came) == {f"{EDGE_PUBLIC}:{port}"}
        # Both trunks are at one address: the dialog knows which one it is.
        bye = in_dialog("BYE", sent.decode(), answered.text, by_caller=True)
        office.pbx.send(bye, (EDGE_INSIDE, 5060))
        assert there.wait("BYE").source == (EDGE_PUBLIC, port)
        assert shown(there.wait("BYE")) == {f"{EDGE_PUBLIC}:{port}"}
        assert office.pbx.answer(bye).code == 200


@pytest.mark.parametrize(("number", "port"), [("0555201", ONE), ("0555202", TWO)])
def test_a_call_that_comes_in_on_a_trunks_port_stays_there(office: Office, number: str, port: int) -> None:
    with provider(office, Hop("udp", HOST, PORT)) as there:
        before = len(office.pbx.asked)
        packet = invite(Packet(HOST, PORT), f"sip:{number}@{EDGE_PUBLIC}:{port}")
        there.send(packet, (EDGE_PUBLIC, port))
        answered = there.answer(packet)
        assert answered.code == 200
        assert answered.source == (EDGE_PUBLIC, port)
        assert shown(answered) - {f"{HOST}:{PORT}"} == {f"{EDGE_PUBLIC}:{port}"}
        came = office.pbx.wait("INVITE", after=before)
        # The PBX hangs up: from the same port.
        reply = re.sub(r"(?mi)^(to: .*?)\r?$", r"\1;tag=a", came.text)
        office.pbx.send(in_dialog("BYE", came.text, reply, by_caller=False), (EDGE_INSIDE, 5060))
        assert there.wait("BYE").source == (EDGE_PUBLIC, port)
        # So does the provider, along what it was shown.
        there.send(in_dialog("BYE", packet.decode(), answered.text, by_caller=True), (EDGE_PUBLIC, port))
        assert office.pbx.wait("BYE", after=before).values("CSeq") == ["7 BYE"]


def test_health_checks_leave_from_each_trunks_port(office: Office) -> None:
    with provider(office, Hop("udp", HOST, PORT)) as there:
        end_s = time.monotonic() + SOON_S
        asked: list[Asked] = []
        while len({one.source[1] for one in asked}) < 2 and time.monotonic() < end_s:
            asked = [one for one in there.asked if one.method == "OPTIONS"]
            time.sleep(0.1)
        assert {one.source[1] for one in asked} == {ONE, TWO}
        assert all(shown(one) == {f"{EDGE_PUBLIC}:{one.source[1]}"} for one in asked)


def test_two_accounts_register_from_two_ports(office: Office) -> None:
    secrets = office.stage.edge.file.parent / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "carrier").write_text("s3cret")
    (secrets / "carrier").chmod(0o600)
    config = {**office.config, "trunks": trunks()}
    for name in ("one", "two"):
        config["trunks"][name] |= {"register": {"user": name, "password": "SECRET"}}
    text = yaml.safe_dump(config, sort_keys=False).replace("SECRET", "!secret carrier")
    with provider(office, Hop("udp", HOST, PORT)) as there:
        assert office.stage.edge.apply(text, "--yes").code == 0
        end_s = time.monotonic() + SOON_S
        wanted = {f"sip:{name}@{EDGE_PUBLIC}:{port};transport=udp": port for name, port in (("one", ONE), ("two", TWO))}
        found: dict[str, int] = {}
        while found != wanted and time.monotonic() < end_s:
            asked = [one for one in there.asked if one.method == "REGISTER"]
            found = {re.findall("<(.*?)>", one.values("Contact")[0])[0]: one.source[1] for one in asked}
            time.sleep(0.1)
        assert found == wanted


def test_the_hub_is_shown_our_certificate_and_name(office: Office) -> None:
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context()) as hub:
        office.apply()
        office.health("hub", "up")
        asked = hub.wait("OPTIONS")
        assert (asked.server_name, asked.client) == (HUB, SBC)
        assert shown(asked) == {f"{SBC}:5061"}
        assert asked.values("From")[0].startswith(f"<sip:voxgate@{SBC}>")
        sent, answered = office.dial("03234")
        assert answered.code == 200
        came = hub.wait("INVITE")
        assert (came.server_name, came.client) == (HUB, SBC)
        assert came.text.startswith(f"INVITE sip:03234@{HUB} ")
        assert "172.16." not in came.text.partition("\r\nTo:")[0]
        assert shown(came) == {f"{SBC}:5061"}
        bye = in_dialog("BYE", sent.decode(), answered.text, by_caller=True)
        office.pbx.send(bye, (EDGE_INSIDE, 5060))
        assert shown(hub.wait("BYE")) == {f"{SBC}:5061"}


def test_the_hub_can_be_asked_for_another_name(office: Office) -> None:
    pair = {"certificate": str(office.ours.certificate), "key": str(office.ours.key)}
    # First of all: what is changed holds for new connections.
    office.apply(tls={**pair, "server_name": "other.hub.example"})
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context()) as hub:
        assert hub.wait("OPTIONS").server_name == "other.hub.example"


def test_without_our_certificate_the_hub_refuses(office: Office) -> None:
    office.apply(tls=None)
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context()) as hub:
        hub.until_refused()
        office.health("hub", "down")
        assert "certificate" in " ".join(hub.refused).lower()
        assert hub.asked == []


def test_a_hub_that_others_have_signed_is_not_spoken_to(office: Office) -> None:
    pair = {"certificate": str(office.ours.certificate), "key": str(office.ours.key), "ca": str(office.stranger.ca)}
    office.apply(tls=pair)
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context()) as hub:
        hub.until_refused()
        office.health("hub", "down")
        assert office.dial("03234")[1].code == 503
        assert hub.asked == []


def test_to_somebody_else_of_the_same_authority_nothing_is_sent_but_the_question_who_is_there(office: Office) -> None:
    office.apply()
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context(office.namesake)) as hub:
        office.stage.edge.wait_for_log(f"trunk_is_somebody_else server_name={HUB}")
        office.health("hub", "down")
        assert office.dial("03234")[1].code == 503
        assert {asked.method for asked in hub.asked} == {"OPTIONS"}
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context()):
        office.health("hub", "up")
        assert office.dial("03235")[1].code == 200
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context(office.namesake)) as hub:
        assert office.dial("03236")[1].code == 503
        assert {asked.method for asked in hub.asked} <= {"OPTIONS"}
    pair = {"certificate": str(office.ours.certificate), "key": str(office.ours.key), "ca": str(office.hub.ca)}
    office.apply(tls={**pair, "check_name": False})
    with provider(office, Hop("tls", HOST, TLS_PORT), tls=office.context(office.namesake)) as hub:
        office.health("hub", "up")
        assert hub.wait("OPTIONS").server_name == HUB


@pytest.mark.parametrize(("number", "leaks"), [("04234", True), ("01234", False)])
def test_what_a_provider_learns_of_the_office(office: Office, number: str, *, leaks: bool) -> None:
    office.apply()
    port = OPEN_PORT if leaks else PORT
    with provider(office, Hop("udp", HOST, port)) as there:
        office.health("open" if leaks else "one", "up")
        office.dial(number)
        came = there.wait("INVITE")
        head, _, body = came.text.partition("\r\n\r\n")
        office_seen = {
            name.lower()
            for name, value in re.findall(r"(?m)^([A-Za-z-]+): (.*)$", head)
            if re.search(r"\b172\.16\.", value)
        }
        # From and To are the PBX's own words where it has no domain for its address, and hiding puts one there.
        assert ("contact" in office_seen, "via" in office_seen) == (leaks, leaks)
        assert (office_seen - {"to"} == set()) is not leaks
        assert "172.16." not in body
