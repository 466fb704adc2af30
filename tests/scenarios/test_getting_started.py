"""The first page of the documentation, followed word for word: what it says to type makes a working edge."""

from __future__ import annotations

import asyncio
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.sites import BEHIND_ROUTER
from lab.switchboard import Switchboard
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import HQ_TONE_HZ, hears

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
PBX = "192.168.1.20"
#: Verbs that take the file as their last word; on the page it lies where it is looked for without.
WITH_FILE = {"check": [], "firewall": [], "init": ["--output"], "pbx-config": ["--file"]}


def typed() -> list[list[str]]:
    """The page's commands in their order, without the word `voxgate` and the file."""
    text = PAGE.read_text(encoding="utf-8").replace("    systemctl restart voxgate", "    voxgate run")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    voxgate ")]
    return [[word for word in shlex.split(line, comments=True)[1:] if not word.startswith("/")] for line in lines]


def table(heading: str) -> dict[str, str]:
    """The first two columns of the table below a heading."""
    part = PAGE.read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ") and "---" not in line]
    return {row[0]: row[1] for row in rows}


def test_whoever_types_what_the_page_says_has_a_working_edge(folders: Callable[[], Path]) -> None:
    folder = folders()
    with ExitStack() as stack:
        net = stack.enter_context(Net(BEHIND_ROUTER.topology))
        listen = [Hop("udp", PBX, 5060)]
        stack.enter_context(Switchboard(net, "pbx-hq", folder, tone_hz=HQ_TONE_HZ, listen=listen))
        edge = Edge(net, folder, {})
        edge.file.unlink()
        seen = []
        for verb, *words in typed():
            if (verb, *words) in (("init",), ("setup",)):
                continue  # what asks: tests/engine/test_wizard.py and test_first_run.py answer
            if verb == "run":
                stack.enter_context(edge)
                continue
            done = edge.command(verb, *words, *([*WITH_FILE[verb], str(edge.file)] if verb in WITH_FILE else []))
            assert done.code == 0, f"voxgate {verb}: {done.out}{done.err}"
            seen.append(verb)
        assert seen == ["init", "check", "firewall", "status", "pbx-config"]
        asyncio.run(a_phone_calls(net))


async def a_phone_calls(net: Net) -> None:
    """A phone with the values of the page's table."""
    fields = table("## 6.")
    domain = fields["SIP domain, registrar"].split("`")[1]
    # What the name of the proxy leads to outside.
    assert "`proxy.example.com`" in fields["outbound proxy"]
    line = Line("alice", domain, Hop("udp", EDGE_PUBLIC, 5060), "10.0.0.50")
    async with Phone(line, net.maker("phone-home")) as phone:
        assert (await phone.register()).code == 200
        call = await phone.dial("600")
        await hears(call, HQ_TONE_HZ)
        await call.bye()
