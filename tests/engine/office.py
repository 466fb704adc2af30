"""What the tests of the whole edge share: an office behind a NAT router with a running edge, phones outside.

The networks, phones and PBXs are the lab's; here stands only what is the same in every one of these tests.
"""

from __future__ import annotations

import asyncio
import copy
import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import tones
from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.peers.rtp import assemble
from lab.switchboard import Switchboard
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.peers.call import Call

Config = dict[str, Any]

HQ, BRANCH = "192.168.1.20", "192.168.1.30"
HQ_TONE_HZ, BRANCH_TONE_HZ = 620, 890
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443, "ws": 8080}

#: Characters of the edge's log that are shown when a test fails.
LOG_TAIL = 20_000

MARKS = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces, and engines as their own users"),
]


def config(**sections: object) -> Config:
    """One PBX, one node, health checks every second; `sections` are added or replaced."""
    base: Config = {
        "edge": {"domain": "edge.example.com", "public_address": EDGE_PUBLIC},
        "health": {"interval_seconds": 1},
        "pbxs": {"hq": {"names": ["example.com"], "nodes": [HQ]}},
    }
    return copy.deepcopy(base) | sections


def with_branch(**sections: object) -> Config:
    """The same and a second PBX, `branch.example.com`."""
    made = config(**sections)
    made["pbxs"]["branch"] = {"names": ["branch.example.com"], "nodes": [BRANCH]}
    return made


@dataclass
class Office:
    """A network with an edge in it; `pbx` is the head quarters', `folder` for files of the test."""

    net: Net
    edge: Edge
    pbx: Switchboard
    folder: Path
    _ports: Iterator[int] = field(default_factory=lambda: count(5060))

    def phone(self, transport: str = "udp", *, user: str = "alice", domain: str = "example.com") -> Phone:
        """A strict phone at home, behind its own NAT router."""
        hop = Hop(transport, EDGE_PUBLIC, PORTS[transport])
        # A port of its own: the event loop may not have closed the last phone's yet.
        return Phone(Line(user, domain, hop, "10.0.0.50", port=next(self._ports)), self.net.maker("phone-home"))

    async def ask(self, *words: str) -> Any:
        """`voxgate` with these words, while calls go on. Gives what `Edge.command` gives."""
        return await asyncio.to_thread(self.edge.command, *words)

    async def pid(self, engine: str) -> int:
        """The engine's process, while calls go on."""
        pid: int = (await asyncio.to_thread(self.edge.engine, engine))["pid"]
        return pid

    async def until_log(self, text: str, timeout_s: float = 60) -> None:
        """Until Voxgate's log holds `text`."""
        await until(lambda: text in self.edge.text(), timeout_s)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that the engines' users may enter, with a short name: sockets lie in it."""
    made = Path(tempfile.mkdtemp(prefix="vg-", dir="/tmp"))
    try:
        made.chmod(0o755)
        yield made
    finally:
        shutil.rmtree(made)


@contextmanager
def office(first: Config | None = None, *, branch: bool = False) -> Iterator[Office]:
    """All of it, running; with `branch`, the second PBX answers as well."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        pbx = stack.enter_context(switchboard(net, place, "pbx-hq-a", HQ, HQ_TONE_HZ))
        if branch:
            stack.enter_context(switchboard(net, place, "pbx-branch", BRANCH, BRANCH_TONE_HZ))
        edge = stack.enter_context(Edge(net, place, config() if first is None else first))
        try:
            yield Office(net, edge, pbx, place)
        except BaseException:
            # The folder goes away; pytest shows this with the failure.
            print(edge.text()[-LOG_TAIL:])
            raise


def switchboard(net: Net, place: Path, host: str, address: str, tone_hz: int) -> Switchboard:
    """A PBX that takes UDP and TCP."""
    return Switchboard(net, host, place, tone_hz=tone_hz, listen=(Hop("udp", address, 5060), Hop("tcp", address, 5060)))


async def until(holds: Callable[[], bool], timeout_s: float) -> None:
    """Until it holds; it fails the test when it does not in time."""
    for _ in range(round(timeout_s / 0.05)):
        if holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"does not hold within {timeout_s} s")


async def hears(call: Call, tone_hz: int, seconds: float = 1.0, *, since: int = 0) -> None:
    """What came from packet `since` on is this tone, for so long at least, and nothing is lost."""
    await until(lambda: at_now(call) - since >= seconds * 55, seconds + 5)
    heard = tones.listen(assemble(call.voice.stream.packets[since:]))
    assert (heard.tone_hz, heard.loss_percent < 5) == (tone_hz, True), heard


def at_now(call: Call) -> int:
    """The present place in a call's audio, for `since`."""
    return len(call.voice.stream.packets)


async def a_call_works(place: Office) -> None:
    """A phone at home registers, calls the PBX, hears it, and saw nothing that it should not."""
    async with place.phone() as phone:
        assert (await phone.register()).code == 200
        call = await phone.dial("600")
        await hears(call, HQ_TONE_HZ, 0.5)
        assert await call.bye() == 200
        assert phone.witness.violations == []
