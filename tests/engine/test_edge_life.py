"""Start, end, what systemd is told, whose the files and processes are, and another certificate without a restart."""

from __future__ import annotations

import asyncio
import os
import pwd
import shlex
import socket
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import tls
from lab.edge import VOXGATE, Edge
from lab.net import Net
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC
from tests.engine.office import HQ, MARKS, PORTS, Office, a_call_works, config, folder, office, until
from tests.engine.supervise_bench import facts_of, members

if TYPE_CHECKING:
    from lab.tls import Identity

pytestmark = MARKS


def engine_pids(edge: Edge) -> list[int]:
    return [engine["pid"] for engine in edge.status()["engines"]]


def test_the_file_that_init_writes_is_good_and_a_phone_rings_with_it() -> None:
    with office() as place:
        file = place.folder / "first.yaml"
        flags = ("--domain", "proxy.example.com", "--pbx", f"hq={HQ}", "--name", "example.com")
        written = place.edge.command("init", *flags, "--public-address", EDGE_PUBLIC, "--output", str(file))
        assert (written.code, "Next: voxgate check" in written.out) == (0, True)
        checked = place.edge.command("check", str(file))
        assert (checked.code, ": good: 1 PBX, 1 service name, 1 node" in checked.out) == (0, True)
        place.edge.stop()
        place.edge.log.unlink()
        place.edge.write(file.read_text())
        place.edge.start()
        asyncio.run(a_call_works(place))


def test_it_ends_in_order_when_it_is_asked_to() -> None:
    with office() as place:
        pids, edge = engine_pids(place.edge), place.edge
        os.kill(edge.pid, 15)
        asyncio.run(until(lambda: not Path(f"/proc/{edge.pid}/task").exists() or "engine_stopped" in edge.text(), 40))
        asyncio.run(until(lambda: edge.text().count("engine_stopped") == 2, 40))
        stopped = [line.split()[2] for line in edge.text().splitlines() if " engine_stopped " in line]
        assert stopped == ["kamailio", "rtpengine"], "what started last is stopped first"
        assert not any(members(pid) for pid in pids)


def test_systemd_is_told_when_it_is_ready_and_when_it_stops() -> None:
    with folder() as place, Net(BEHIND_NAT) as net, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(place / "notify.sock"))
        told.settimeout(20)
        edge = Edge(net, place, config())
        words = [VOXGATE, "--run-dir", str(place / "run"), "--state-dir", str(place / "state"), "run", str(edge.file)]
        shell = f"exec env WATCHDOG_USEC=1000000 {shlex.join(words)}"
        process = net.spawn(
            "edge", ["sh", "-c", shell], log_path=edge.log, env={"NOTIFY_SOCKET": str(place / "notify.sock")}
        )
        heard: list[str] = []
        while not any(line == "READY=1" for line in heard):
            heard += told.recv(4096).decode().splitlines()
        assert edge.status()["overall"] in {"ok", "degraded"}, "ready means ready"
        while "WATCHDOG=1" not in heard:
            heard += told.recv(4096).decode().splitlines()
        assert any(line.startswith("STATUS=generation 1 runs") for line in heard)
        process.terminate()
        assert process.wait(60) == 0
        told.settimeout(1)
        rest: list[str] = []
        while not any("STOPPING=1" in text for text in rest):
            rest.append(told.recv(4096).decode())


def shown_certificate(place: Office) -> bytes:
    """What a TLS client outside is shown in a fresh handshake."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with place.net.socket("stranger", kind=socket.SOCK_STREAM) as plain:
        plain.settimeout(5)
        plain.connect((EDGE_PUBLIC, PORTS["tls"]))
        with context.wrap_socket(plain, server_hostname="edge.example.com") as secure:
            der = secure.getpeercert(binary_form=True)
    assert der is not None
    return der


def der_of(identity: Identity) -> bytes:
    return ssl.PEM_cert_to_DER_cert(identity.certificate.read_text())


def test_another_certificate_is_shown_without_a_restart_and_connections_stay() -> None:
    authority = tls.authority()

    async def scene(place: Office, identity: Identity) -> None:
        async with place.phone("tls") as phone:
            assert (await phone.register()).code == 200
            before = await asyncio.to_thread(engine_pids, place.edge)
            pair = {"certificate": str(identity.certificate), "key": str(identity.key)}
            applied = await asyncio.to_thread(place.edge.apply, config(certificates={"default": pair}))
            assert applied.code == 0, applied.err
            assert "TLS connections stay" in applied.out
            assert await asyncio.to_thread(shown_certificate, place) == der_of(identity)
            assert await asyncio.to_thread(engine_pids, place.edge) == before
            assert (await phone.register()).code == 200, "over the connection that was there before"
            assert phone.witness.violations == []

    with office() as place:
        first = shown_certificate(place)
        identity = authority.issue(place.folder, "edge.example.com", "example.com")
        asyncio.run(scene(place, identity))
        assert shown_certificate(place) != first
        told = place.edge.status()["certificate"]
        assert (told["names"], told["self_signed"]) == (["edge.example.com", "example.com"], False)
        renewed = authority.issue(place.folder, "edge.example.com", "example.com")
        plan = place.edge.command("plan")
        # A file that was renewed in place is noticed by who asks, unless the edge, which looks by itself, was first.
        noticed = "reload tls (certificate.pem, key.pem)" in plan.out
        assert noticed or shown_certificate(place) == der_of(renewed), plan.out
        assert place.edge.command("apply").code == 0
        assert shown_certificate(place) == der_of(renewed)


@pytest.mark.parametrize("engine", ["kamailio", "rtpengine"])
def test_an_engine_runs_as_its_own_user_without_any_capability(engine: str) -> None:
    with office() as place:
        processes = members(place.edge.engine(engine)["pid"])
        uid = pwd.getpwnam(engine).pw_uid
        assert processes
        for pid in processes:
            facts = facts_of(pid)
            assert set(facts["Uid"].split()) == {str(uid)}
            assert facts["Groups"] == ""
            assert facts["NoNewPrivs"] == "1"
            capabilities = {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
            assert capabilities == {"0000000000000000"}


def test_a_port_below_1024_takes_one_capability_more() -> None:
    with office(config(listen={"sip": {"udp": 5060, "tls": 443}})) as place:
        for pid in members(place.edge.engine("kamailio")["pid"]):
            assert {facts_of(pid)[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0000000000000400"}


def test_keys_are_root_and_the_engines_only() -> None:
    with office() as place:
        assert place.edge.apply(config(media={"ports": "12000-13000"}), "--yes").code == 0
        secret = [
            place.folder / "run/kamailio/key.pem",
            place.folder / "run/kamailio/kamailio.cfg",
            place.folder / "run/control.sock",
            place.folder / "state/topology.key",
            *(place.folder / "state").rglob("key.pem"),
            *(path for path in (place.folder / "state/generations").rglob("*") if path.is_file()),
        ]
        assert len(secret) > 6
        for path in secret:
            facts = path.stat()
            assert not facts.st_mode & stat.S_IRWXO, path
            assert facts.st_uid == 0, path
        group = pwd.getpwnam("kamailio").pw_gid
        readable = {path.relative_to(place.folder) for path in secret if path.stat().st_gid == group}
        assert readable == {Path("run/kamailio/key.pem"), Path("run/kamailio/kamailio.cfg")}
        assert list((place.folder / "run/candidate").iterdir()) == [], "the copy that was checked is gone"
