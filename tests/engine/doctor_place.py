"""An edge that the doctor looks at: behind a router, with names in the DNS and a responder on the internet."""

from __future__ import annotations

import json
import socket
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lab import namespaces
from lab.edge import VOXGATE, Edge, Kept
from lab.knot import NameServer
from lab.net import Net
from lab.topologies import BEHIND_NAT
from tests.engine.office import HQ, HQ_TONE_HZ, config, folder, switchboard
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

ZONE = "example.com"
PROBE = "203.0.113.60"
TURN = {"accounts": {"office": Kept("turn-office", "correct horse")}}
#: It looks a moment after each start; 611 greets, and says back what it hears.
DOCTOR = {"after_seconds": 2, "responders": [], "call": {"to": "611@example.com"}}
#: What is true of the machine that the tests run on, whatever the lab looks like.
OF_THE_MACHINE = {"clock", "open-files", "own-name", "conntrack-full", "udp-drops"}
#: Copies what a reply has to repeat (RFC 3261 section 8.2.6.2).
_ANSWERS = (
    "import socket, sys\n"
    "sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "sock.bind((sys.argv[1], 5060))\n"
    "kept = ('via:', 'from:', 'to:', 'call-id:', 'cseq:')\n"
    "while True:\n"
    "    data, source = sock.recvfrom(65535)\n"
    "    lines = data.decode().split('\\r\\n\\r\\n')[0].split('\\r\\n')\n"
    "    lines = [line for line in lines[1:] if line.lower().startswith(kept)]\n"
    "    lines = [line + ';tag=x' if line.lower().startswith('to:') else line for line in lines]\n"
    "    if not data.startswith(b'ACK'):\n"
    "        said = [*sys.argv[2].split('|'), *lines, 'Content-Length: 0', '', '']\n"
    "        sock.sendto('\\r\\n'.join(said).encode(), source)\n"
)

#: On a machine whose clock is wrong.
_RESPONDER = (
    "import sys, time\n"
    "clock, behind_s = time.time, int(sys.argv[1])\n"
    "time.time = lambda: clock() - behind_s\n"
    "from voxgate.cli import main\n"
    "sys.exit(main(sys.argv[2:]))\n"
)

Found = dict[str, list[dict[str, Any]]]


class Place:
    """An edge behind a router, names for it, and a responder on the internet."""

    def __init__(self, stack: ExitStack) -> None:
        self.folder = stack.enter_context(folder())
        self.net = stack.enter_context(Net(BEHIND_NAT))
        self.pbx = stack.enter_context(switchboard(self.net, self.folder, "pbx-hq-a", HQ, HQ_TONE_HZ))
        made = self.config = config(turn=TURN, doctor=DOCTOR, listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5061}})
        self.names = stack.enter_context(NameServer(self.net, "internet", self.folder, {ZONE: ()}))
        resolver = namespaces.FILES / self.net.namespace("edge")
        resolver.mkdir(parents=True, exist_ok=True)
        (resolver / "resolv.conf").write_text(f"nameserver {self.names.address}\n")
        self.edge = stack.enter_context(Edge(self.net, self.folder, made))
        self.zone = self.edge.command("dns", "plan", str(self.edge.file), "--zone", ZONE).out.splitlines()
        self.names.replace(ZONE, self.zone)
        respond(self.net, "provider", self.folder)
        self.edge.wait_for_node(HQ, "up")

    def doctor(
        self, *words: str, before: str = "", machine: bool = False, file: Path | None = None
    ) -> tuple[int, Found]:
        """The exit code and the findings by code; the machine's own with `machine` alone.

        `before`: a shell does this first, where mounts and the host's name are the doctor's alone. `file`: another
        configuration than the one that runs.
        """
        places = ("--run-dir", str(self.folder / "run"), "--state-dir", str(self.folder / "state"))
        alone = ("unshare", "--mount", "--uts", "sh", "-ec", f'{before}\nexec "$@"', "sh")
        argv = [*alone, VOXGATE, *places, "doctor", str(file or self.edge.file), "--json", *words]
        done = self.net.run("edge", argv, timeout_s=240)
        assert done.out, done.err
        found: Found = {}
        for one in json.loads(done.out)["findings"]:
            if machine or one["code"] not in OF_THE_MACHINE:
                found.setdefault(one["code"], []).append(one)
        return done.code, found

    @contextmanager
    def another_pbx(self, answer: str) -> Iterator[None]:
        """In the place of the PBX, one that says this to everything: a status line, and a further header or none."""
        self.pbx.__exit__(None, None, None)
        other = self.net.spawn("pbx-hq-a", [sys.executable, "-c", _ANSWERS, HQ, answer])
        try:
            until(lambda: ":5060" in self.net.run("pbx-hq-a", ["ss", "-Hlun", "sport", "=", "5060"]).out)
            yield
        finally:
            other.stop()
            self.pbx.__enter__()
            self.edge.wait_for_node(HQ, "up")

    def mended(self) -> None:
        """What the first faults were is put right."""
        self.names.replace(ZONE, self.zone)
        self.nft("pbx-hq-a", "delete table inet f2b")
        self.nft("edge", "delete table inet own")
        self.net.run("edge", ["sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999"])
        (self.folder / "secrets" / "turn-office").write_text("correct horse")
        for family, table, chain in (("inet", "filter", "forward"), ("ip", "nat", "post")):
            for handle in self._handles(family, table, chain):
                self.net.run("router", ["nft", "delete", "rule", family, table, chain, "handle", handle])
        assert self.edge.command("apply", str(self.edge.file)).code == 0
        self.edge.wait_for_node(HQ, "up")

    def _handles(self, family: str, table: str, chain: str) -> list[str]:
        """Of the rules that the faults added."""
        listed = self.net.run("router", ["nft", "-a", "list", "chain", family, table, chain]).out.splitlines()
        marks = ("dport 5061", "dport 10000-20000 masquerade", "set 0x6861636b")
        return [line.rpartition("handle ")[2] for line in listed if any(mark in line for mark in marks)]

    def nft(self, host: str, text: str) -> None:
        """Rules on a host of the lab."""
        done = self.net.run(host, ["nft", "-f", "-"], stdin=text)
        assert done.code == 0, done.err


def respond(net: Net, host: str, place: Path, *, behind_s: int = 0) -> None:
    """A responder, listening; its clock is so much behind."""
    log = place / f"responder-{host}.log"
    address = net.host(host).ipv4()
    argv = [sys.executable, "-c", _RESPONDER, str(behind_s), "doctor", "--respond", "--seconds", "900"]
    net.spawn(host, argv, log_path=log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with net.socket(host, socket.AF_INET, socket.SOCK_STREAM) as sock:
            if sock.connect_ex((address, 8061)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(log.read_text())


def told(found: Found) -> dict[str, str]:
    """What and cure of all findings of a code."""
    return {name: " ".join(f"{one['what']} {one['cure']}" for one in listed) for name, listed in found.items()}


def assert_told(found: Found, expected: dict[str, str]) -> None:
    """Each of these is found, with these words."""
    said = told(found)
    assert {name: words in said.get(name, "") for name, words in expected.items()} == dict.fromkeys(expected, True), (
        said
    )
