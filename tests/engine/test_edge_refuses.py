"""What cannot run is refused with a sentence that says what to do, and what ran before runs on."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from lab.edge import VOXGATE, Edge
from lab.net import Net
from lab.procs import LabError
from lab.topologies import BEHIND_NAT, EDGE_LAN
from tests.engine.office import HQ_TONE_HZ, MARKS, Office, config, folder, hears, office, with_branch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.procs import Process

pytestmark = MARKS

HOLD = "import socket,time; s=socket.socket(2,socket.{kind}); s.bind(({address!r},{port})); {more}time.sleep(99)"


@contextmanager
def taken(net: Net, port: int, proto: str = "tcp", address: str = EDGE_LAN) -> Iterator[Process]:
    """Another program on the edge's host holds a port."""
    kind, more = ("SOCK_STREAM", "s.listen(); ") if proto == "tcp" else ("SOCK_DGRAM", "")
    code = HOLD.format(kind=kind, address=address, port=port, more=more)
    holder = net.spawn("edge", [sys.executable, "-c", code])
    table = ["ss", "-Hlnt" if proto == "tcp" else "-Hlnu", f"sport = :{port}"]
    for _ in range(100):
        if net.run("edge", table).out:
            break
        time.sleep(0.05)
    try:
        yield holder
    finally:
        holder.kill()


def weak_pair(place: Path) -> dict[str, str]:
    """A good certificate and key, but for the size of its authority's key: TLS libraries take RSA from 2048 bits."""
    signer = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose
    key = ec.generate_private_key(ec.SECP256R1())
    above = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Weak authority")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge.example.com")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("edge.example.com")])
    chain = [
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(public)
        .serial_number(7)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(extension, critical=False)
        .sign(signer, hashes.SHA256())
        for subject, public, extension in (
            (name, key.public_key(), names),
            (above, signer.public_key(), x509.BasicConstraints(ca=True, path_length=None)),
        )
    ]
    pem = serialization.Encoding.PEM
    (place / "weak.pem").write_bytes(b"".join(one.public_bytes(pem) for one in chain))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (place / "weak.key").touch(mode=0o600)
    (place / "weak.key").write_bytes(private)
    return {"certificate": str(place / "weak.pem"), "key": str(place / "weak.key")}


def runs_on(place: Office, generation: int = 1) -> None:
    """The former generation runs, with nothing to complain about, and a call goes through."""
    status = place.edge.status()
    assert (status["overall"], status["generation"], status["drift"]) == ("ok", generation, [])

    async def call() -> None:
        async with place.phone() as phone:
            await phone.register()
            one = await phone.dial("600")
            await hears(one, HQ_TONE_HZ, 0.5)
            await one.bye()

    asyncio.run(call())


BROKEN = """\
edge: {domain: edge example, public_address: 203.0.113.45}
listen: {sip: {udp: "5060", tls: 70000}}
media: {ports: 20000-10000}
pbxs:
  hq: {names: [example.com], nodes: [192.168.1.20]}
  branch: {names: [example.com], nodes: [pbx.example.com], colour: red}
"""


def test_every_mistake_of_a_broken_file_is_named_at_once_and_nothing_is_touched() -> None:
    with office() as place:
        pids = {engine["name"]: engine["pid"] for engine in place.edge.status()["engines"]}
        failed = place.edge.apply(BROKEN)
        assert (failed.code, failed.out) == (2, "")
        for line, key in [
            (1, "edge.domain"),
            (2, "listen.sip.udp"),
            (2, "listen.sip.tls"),
            (3, "media.ports"),
            (6, "pbxs.branch.nodes[0]"),
            (6, "pbxs.branch.colour"),
        ]:
            assert f"{place.edge.file}:{line}: {key}" in failed.err
        assert failed.err.count("\n    ") >= 6, "an advice for each"
        assert {engine["name"]: engine["pid"] for engine in place.edge.status()["engines"]} == pids
        runs_on(place)
        assert place.edge.command("history").out.count("\n") == 1


def test_two_pbxs_that_claim_one_name_are_both_named() -> None:
    claimed = with_branch()
    claimed["pbxs"]["branch"]["names"] = ["Example.COM"]
    with folder() as place:
        net = Net(BEHIND_NAT)
        edge = Edge(net, place, claimed)
        with net:
            found = edge.command("check", str(edge.file))
    first, second = (f"{edge.file}:{line}" for line in (9, 14))
    assert found.code == 2
    assert f"{second}: pbxs.branch.names[0]: the name example.com is already at pbxs.hq.names[0] ({first})" in found.err
    assert "a name leads to one PBX: remove one of the two" in found.err


def test_a_certificate_that_only_kamailio_refuses_is_taken_back() -> None:
    with office() as place:
        pair = weak_pair(place.folder)
        weak = config(certificates={"default": pair})
        failed = place.edge.apply(weak)
        assert failed.code == 1
        assert "Generation 2 was not applied: kamailio: reload tls: kamailio: refused tls.reload" in failed.out
        assert "an RSA key under 2048 bits is too small" in failed.out
        assert "Generation 1 runs on." in failed.out
        assert "ca key too small" in place.edge.text(), "the log holds Kamailio's own words"
        runs_on(place)
        plan = json.loads(place.edge.apply(weak, "--json").out)
        assert (plan["result"], plan["generation"]) == ("kept", 1)
        assert place.edge.command("history").out.count("rolled-back") == 2


def test_a_port_that_is_taken_at_apply_leads_back_to_the_former_port() -> None:
    with office() as place, taken(place.net, 5071) as holder:
        moved = config(listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5071}})
        failed = place.edge.apply(moved, "--yes")
        assert failed.code == 1
        where = f"port 5071/tcp on {EDGE_LAN} (SIP over TLS) is already taken by python"
        assert f"Generation 2 was not applied: kamailio: restart: kamailio: {where}" in failed.out
        assert f"(process {holder.pid})" in failed.out
        assert "stop that program, or choose another port in the configuration" in failed.out
        assert "Generation 1 runs on." in failed.out
        runs_on(place)


@pytest.mark.parametrize(
    ("port", "proto", "address", "words"),
    [
        pytest.param(5060, "udp", EDGE_LAN, f"port 5060/udp on {EDGE_LAN} (SIP over UDP) is already taken", id="SIP"),
        pytest.param(2224, "tcp", "127.0.0.1", "TCP port 2224 on 127.0.0.1 is held by", id="reports of rtpengine"),
    ],
)
def test_a_port_that_is_taken_at_start_is_named_with_its_holder(
    port: int, proto: str, address: str, words: str
) -> None:
    with folder() as place, Net(BEHIND_NAT) as net, taken(net, port, proto, address) as holder:
        edge = Edge(net, place, config())
        with pytest.raises(LabError, match="has ended"):
            edge.start()
        assert words in edge.text()
        assert f"(process {holder.pid})" in edge.text()
        assert "stop" in edge.text()


def test_another_rtpengine_that_runs_is_told_from_its_port() -> None:
    with folder() as place, Net(BEHIND_NAT) as net, taken(net, 2223, "udp", "127.0.0.1"):
        edge = Edge(net, place, config())
        with pytest.raises(LabError, match="has ended"):
            edge.start()
        assert "(127.0.0.1:2223): Address already in use" in edge.text()
        assert "systemctl disable --now rtpengine-daemon" in edge.text()


@pytest.mark.parametrize(
    ("program", "package"), [("/usr/bin/rtpengine", "rtpengine-daemon"), ("/usr/sbin/kamailio", "kamailio")]
)
def test_a_package_that_is_missing_is_named(program: str, package: str) -> None:
    with folder() as place, Net(BEHIND_NAT) as net:
        edge = Edge(net, place, config())
        # `ip netns exec` gives each command a mount namespace of its own: the file is hidden from this one alone.
        words = [VOXGATE, "--run-dir", str(place / "run"), "--state-dir", str(place / "state"), "run", str(edge.file)]
        hidden = f"mount --bind /dev/null {program} && exec {shlex.join(words)}"
        failed = net.run("edge", ["sh", "-c", hidden])
    assert failed.code == 1
    assert f"apt-get install {package}" in failed.err
    assert "Traceback" not in failed.err


def test_a_second_voxgate_in_the_same_folder_is_refused_and_the_first_does_not_notice() -> None:
    with office() as place:
        sockets = sorted((path.name, path.stat().st_ino) for path in (place.folder / "run").rglob("*.sock"))
        refused = place.edge.command("run", str(place.edge.file))
        assert refused.code == 1
        assert "another Voxgate runs here" in refused.err
        assert "stop it, or give another --run-dir" in refused.err
        assert sorted((path.name, path.stat().st_ino) for path in (place.folder / "run").rglob("*.sock")) == sockets
        runs_on(place)
