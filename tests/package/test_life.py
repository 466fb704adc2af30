"""A package's whole life on a bare Debian: installed, started, called through, upgraded, backed up, removed, purged.

Takes minutes and a Debian mirror: `make package-test`, or PACKAGE_SUITES="bookworm trixie" here.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import tempfile
import time
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, hears, switchboard
from tests.package.building import ROOT, built
from tests.package.machine import Machine, bare, gone

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITES = os.environ.get("PACKAGE_SUITES", "").split()
pytestmark = [
    *MARKS,
    pytest.mark.skipif(not SUITES, reason="takes minutes: make package-test"),
    pytest.mark.timeout(1200),
]
OTHERS = ("kamailio", "rtpengine-daemon", "haproxy", "coturn")
FIRST_PAGE = ROOT / "docs/getting-started.md"
#: Asks on a terminal; the page has the same with flags.
ASKING = "voxgate init"
VERSION = metadata.version("voxgate")
PASSWORD = "correct horse battery staple"  # noqa: S105  of a throwaway machine
EVERYTHING = """\
listen:
  sip: {wss: 8443}
  http: {plain: 80, tls: 443}
  ldap: {plain: 389, tls: 636}
  h323: {plain: 1720}
turn: {tls_port: 5349, accounts: {office: !secret turn-office}}
pbxs:
  hq: {http: {plain: 80, allow_urls: "@everything"}, ldap: {plain: 389}, h323: {plain: 1720}}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The one before this one, and this one."""
    former = built(tmp_path_factory.mktemp("former"), PACKAGE_VERSION="0.0.9", PACKAGE_COMPRESSION="gzip")
    return former, built(tmp_path_factory.mktemp("this"))


@contextmanager
def place(suite: str) -> Iterator[tuple[Machine, Net]]:
    folder = Path(tempfile.mkdtemp(prefix="vg-deb-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        root = bare(suite, folder / suite)
        with ExitStack() as stack:
            net = stack.enter_context(Net(BEHIND_NAT))
            stack.enter_context(switchboard(net, folder, "pbx-hq-a", HQ, HQ_TONE_HZ))
            yield stack.enter_context(Machine(net, "edge", root)), net
    finally:
        gone(folder)


def phone(net: Net, port: int) -> Phone:
    line = Line("alice", "example.com", Hop("udp", EDGE_PUBLIC, 5060), "10.0.0.50", port=port)
    return Phone(line, net.maker("phone-home"))


async def call(net: Net, port: int) -> None:
    async with phone(net, port) as alice:
        assert (await alice.register()).code == 200
        made = await alice.dial("600")
        await hears(made, HQ_TONE_HZ, 0.5)
        assert await made.bye() == 200


@pytest.mark.parametrize("suite", SUITES)
def test_the_life_of_an_installed_edge(suite: str, packages: tuple[Path, Path]) -> None:
    former, this = packages
    with place(suite) as (machine, net):
        by_the_first_page(machine, former)
        asyncio.run(call(net, 5060))
        with_every_engine(machine)
        it_is_confined(machine)
        machine.restart()
        until_it_serves(machine)
        asyncio.run(call(net, 5064))
        asyncio.run(an_upgrade_ends_no_call(machine, net, this))
        asyncio.run(call(net, 5062))
        it_comes_back_from_its_backup(machine)
        asyncio.run(call(net, 5063))
        removal_keeps_what_purge_takes(machine)


def by_the_first_page(machine: Machine, package: Path) -> None:
    """Word for word, but for the package's version; its addresses are those of the lab."""
    lines = [line.strip() for line in FIRST_PAGE.read_text().splitlines() if line.startswith("    ")]
    commands = [line for line in lines if line.split()[0] in {"apt-get", "voxgate", "systemctl"} and line != ASKING]
    assert ["apt-get install" in command for command in commands].count(True) == 1
    for command in commands:
        words = shlex.split(command)
        if words[:2] == ["apt-get", "install"]:
            assert words[2:] == ["--no-install-recommends", f"./voxgate_{VERSION}_amd64.deb"]
            machine.install(package)
            nothing_runs_that_nobody_asked_for(machine)
        elif words[0] == "apt-get":
            machine.apt(*words[1:])
        else:
            said = machine.done(*words)
            if words == ["voxgate", "setup"]:
                a_browser_makes_a_configuration(machine, said)


def a_browser_makes_a_configuration(machine: Machine, said: str) -> None:
    """Within the walls of the unit; then everything is as it was before."""
    token = re.search(r"http://127\.0\.0\.1:8440/setup\?token=(vgt_[A-Za-z0-9_-]+)", said)
    assert token, said
    assert "vgt_" not in machine.done("journalctl", "--no-pager", "-u", "voxgate")
    answers = {
        "token": token[1],
        "domain": "proxy.example.com",
        "interface": "eth0",
        "pbx_name": "hq",
        "pbx_address": HQ,
    }
    answers |= {"pbx_address": HQ, "pbx_domain": "example.com", "user": "admin", "do": "save"}
    answers |= {"password": PASSWORD, "again": PASSWORD}
    script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], sys.argv[2].encode()).read().decode())"
    form = urlencode(answers)
    page = machine.done("/usr/lib/voxgate/bin/python", "-I", "-c", script, "http://127.0.0.1:8440/setup", form)
    assert "the engines start" in page
    for _ in range(300):
        if (machine.root / "run/voxgate/control.sock").exists() or machine.run("voxgate", "status").out:
            break
        time.sleep(0.1)
    assert machine.run("voxgate", "status", "--json").out, machine.run("journalctl", "--no-pager", "-u", "voxgate").out
    written = (machine.root / "etc/voxgate/voxgate.yaml").stat()
    assert (written.st_mode & 0o777, written.st_uid) == (0o640, 0)
    machine.done("systemctl", "stop", "voxgate")
    machine.done("sh", "-c", "rm -rf /var/lib/voxgate/* /etc/voxgate/voxgate.yaml")
    machine.done("systemctl", "start", "voxgate")


def nothing_runs_that_nobody_asked_for(machine: Machine) -> None:
    for unit in OTHERS:
        assert machine.run("systemctl", "is-active", unit).out.strip() == "inactive"
        assert machine.run("systemctl", "is-enabled", unit).out.strip() == "disabled"
    assert machine.done("ss", "-Hlntu").strip() == ""
    assert machine.done("systemctl", "is-enabled", "voxgate").strip() == "enabled"
    assert not (machine.root / "etc/voxgate/voxgate.yaml").exists()


def with_every_engine(machine: Machine) -> None:
    """And a secret that systemd hands over: it stands in none of the folders of the configuration."""
    (machine.root / "etc/voxgate/conf.d/20-everything.yaml").write_text(EVERYTHING)
    (machine.root / "root/turn-office").write_text("correct horse battery\n")
    drop_in = machine.root / "etc/systemd/system/voxgate.service.d/secret.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nLoadCredential=turn-office:/root/turn-office\n")
    machine.done("systemctl", "daemon-reload")
    machine.done("systemctl", "restart", "voxgate")


def it_is_confined(machine: Machine) -> None:
    """Voxgate has few of root's powers, an engine none but what it needs, and neither can write where it should not."""
    engines = json.loads(machine.run("voxgate", "status", "--json").out)["engines"]
    assert {engine["name"].partition("-")[0] for engine in engines} >= {"kamailio", "rtpengine", "haproxy", "coturn"}
    assert {engine["phase"] for engine in engines} == {"serving"}
    main = int(machine.done("systemctl", "show", "-P", "MainPID", "voxgate"))
    fields = dict(
        line.split(":\t", 1) for line in machine.done("cat", f"/proc/{main}/status").splitlines() if ":\t" in line
    )
    assert int(fields["CapEff"], 16) & (1 << 21 | 1 << 19 | 1 << 16 | 1 << 2) == 0, (
        "SYS_ADMIN, PTRACE, MODULE, READ_SEARCH"
    )
    for engine in engines:
        status = machine.done("cat", f"/proc/{engine['pid']}/status")
        assert "NoNewPrivs:\t1" in status
        assert re.search(r"CapEff:\t0000000000000[04]00\n", status), f"{engine['name']}: NET_BIND_SERVICE or nothing"
        assert "Uid:\t0" not in status
    as_voxgate = ("nsenter", f"--target={main}", "--mount", "--root", "--wd")
    readonly = machine.run(*as_voxgate, "touch", "/usr/bin/x", "/etc/x", "/root/x")
    assert readonly.err.count("Read-only file system") == 3


def until_it_serves(machine: Machine) -> None:
    """Nobody but systemd starts it."""
    for _ in range(300):
        if machine.run("systemctl", "is-active", "voxgate").out.strip() == "active":
            return
        time.sleep(0.1)
    pytest.fail(machine.run("journalctl", "--no-pager", "-u", "voxgate").out[-3000:])


async def an_upgrade_ends_no_call(machine: Machine, net: Net, package: Path) -> None:
    """The former version carries it to its end; the new one serves from the next start, with the same generation."""
    (machine.root / "etc/voxgate/conf.d/10-mine.yaml").write_text("guard: {suspicious_per_minute: 500}\n")
    machine.done("voxgate", "apply")
    before = {path: path.read_bytes() for path in (machine.root / "etc/voxgate").rglob("*") if path.is_file()}
    generation = generation_of(machine)
    async with phone(net, 5061) as alice:
        assert (await alice.register()).code == 200
        made = await alice.dial("600")
        await hears(made, HQ_TONE_HZ, 0.5)
        said = await asyncio.to_thread(machine.install, package)
        assert "systemctl restart voxgate" in said
        assert "0.0.9" not in (await asyncio.to_thread(machine.done, "dpkg-query", "-W", "-f", "${Version}", "voxgate"))
        await hears(made, HQ_TONE_HZ, 0.5)
        assert len(json.loads(await asyncio.to_thread(machine.done, "voxgate", "calls", "--json"))["calls"]) == 1
        assert await made.bye() == 200
    await asyncio.to_thread(machine.done, "systemctl", "restart", "voxgate")
    assert generation_of(machine) == generation
    assert {path: path.read_bytes() for path in before} == before


def generation_of(machine: Machine) -> int:
    """What runs. That no PBX answers over HTTP here makes the status end with 1."""
    generation: int = json.loads(machine.run("voxgate", "status", "--json").out)["generation"]
    return generation


def it_comes_back_from_its_backup(machine: Machine) -> None:
    machine.done("systemctl", "reload", "voxgate")
    machine.done("voxgate", "backup", "/root/edge.backup")
    machine.done("systemctl", "stop", "voxgate")
    assert machine.done("ss", "-Hlntu").strip() == "", "all engines ended with it"
    machine.done("sh", "-c", "rm -rf /var/lib/voxgate/* /etc/voxgate/*")
    machine.done("voxgate", "restore", "/root/edge.backup")
    machine.done("systemctl", "start", "voxgate")


def removal_keeps_what_purge_takes(machine: Machine) -> None:
    machine.apt("remove", "-y", "voxgate")
    assert machine.done("ss", "-Hlntu").strip() == ""
    assert (machine.root / "etc/voxgate/voxgate.yaml").exists()
    assert (machine.root / "var/lib/voxgate/generations").is_dir()
    assert not (machine.root / "usr/lib/voxgate").exists()
    machine.apt("purge", "-y", "voxgate")
    assert not (machine.root / "etc/voxgate").exists()
    assert not (machine.root / "var/lib/voxgate").exists()
    assert machine.run("getent", "passwd", "voxgate").code == 2
    failed = machine.run("systemctl", "--failed", "--no-legend", "--plain").out
    assert "voxgate" not in failed
