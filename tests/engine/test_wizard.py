"""`voxgate init` on a terminal: it asks, shows what it found, tries the PBX, and writes a file that is good."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import yaml

from lab.edge import VOXGATE
from lab.net import Net
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, folder, switchboard
from tests.engine.stun_server import SERVER, stun_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = MARKS


class Person:
    """Reads what is asked on a terminal, and answers."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._fd, side = pty.openpty()
        self.process = subprocess.Popen(argv, stdin=side, stdout=side, stderr=side, start_new_session=True)
        os.close(side)
        self.seen = ""

    def sees(self, text: str, timeout_s: float = 90) -> None:
        """Wait for the end of a question."""
        deadline = time.monotonic() + timeout_s
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, self.seen
            if select.select([self._fd], [], [], left)[0]:
                try:
                    self.seen += os.read(self._fd, 4096).decode()
                except OSError:  # the other side is gone
                    assert text in self.seen, self.seen
                    return

    def says(self, text: str) -> None:
        """One line; what was seen before is forgotten."""
        self.seen = ""
        os.write(self._fd, f"{text}\n".encode())

    def ends(self) -> int:
        """Its exit code."""
        try:
            return self.process.wait(20)
        finally:
            os.close(self._fd)


@pytest.fixture(scope="module")
def net() -> Iterator[tuple[Net, Path]]:
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        there = stack.enter_context(Net(BEHIND_NAT))
        stack.enter_context(switchboard(there, made, "pbx-hq-a", HQ, HQ_TONE_HZ))
        stack.enter_context(stun_server(there))
        yield there, made


def test_it_asks_shows_what_it_found_and_writes_a_good_file(net: tuple[Net, Path]) -> None:
    there, made = net
    file = made / "first.yaml"
    argv = (VOXGATE, "init", "--output", str(file), "--stun", "{}:{}".format(*SERVER))
    person = Person(there.inside("edge", argv))
    person.sees("for instance proxy.example.com: ")
    person.says("not a name")
    person.sees("for instance proxy.example.com: ")
    person.says("proxy.example.com")
    person.sees("[1]: ")
    assert "192.168.1.10" in person.seen
    person.says("")
    person.sees(f"[{SERVER[0]}:{SERVER[1]}]: ")
    person.says("")
    person.sees(f"[{EDGE_PUBLIC}]: ")
    assert f"the internet sees this machine as {EDGE_PUBLIC}" in person.seen
    person.says("")
    person.sees("[Y/n]: ")
    person.says("y")
    person.sees("[]: ")
    person.says("ops@example.com")
    person.sees("[hq]: ")
    person.says("")
    person.sees("Its address: ")
    person.says("192.168.1.99")
    person.sees("[example.com]: ")
    person.says("")
    person.sees("[y/N]: ")
    assert "192.168.1.99 does not answer" in person.seen
    person.says("n")
    person.sees("Its address: ")
    person.says(HQ)
    person.sees("[example.com]: ")
    person.says("")
    person.sees("is written. Next: voxgate check")
    assert f"{HQ} answers: 200 to OPTIONS" in person.seen
    assert person.ends() == 0
    written = yaml.safe_load(file.read_text())
    assert written["edge"] == {"domain": "proxy.example.com", "interface": "eth0", "public_address": [EDGE_PUBLIC]}
    assert written["certificates"] == {"default": {"acme": {"email": "ops@example.com"}}}
    assert written["pbxs"] == {"hq": {"names": ["example.com"], "nodes": [HQ], "sip": {"udp": 5060}}}
    assert there.run("edge", [VOXGATE, "check", str(file)]).code == 0


def test_flags_alone_find_the_public_address_and_never_ask(net: tuple[Net, Path]) -> None:
    there, made = net
    file = made / "flags.yaml"
    flags = ["--yes", "--domain", "proxy.example.com", "--pbx", f"hq={HQ}", "--find-public-address", "--acme"]
    argv = [VOXGATE, "init", "--output", str(file), "--stun", "{}:{}".format(*SERVER)]
    assert there.run("edge", [*argv, *flags]).code == 0
    written = yaml.safe_load(file.read_text())
    assert (written["edge"]["public_address"], written["certificates"]) == ([EDGE_PUBLIC], {"default": {"acme": {}}})
    # Without a terminal and without flags there is nobody to ask.
    done = there.run("edge", [VOXGATE, "init", "--output", str(made / "none.yaml")])
    assert (done.code, "--domain and --pbx are needed" in done.err) == (2, True)


def test_who_goes_away_leaves_nothing_behind(net: tuple[Net, Path]) -> None:
    there, made = net
    file = made / "gone.yaml"
    person = Person(there.inside("edge", (VOXGATE, "init", "--output", str(file))))
    person.sees("for instance proxy.example.com: ")
    os.write(person._fd, b"\x04")
    person.sees("nothing is written")
    assert person.ends() == 2
    assert not file.exists()
