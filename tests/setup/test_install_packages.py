"""scripts/install-packages: what it installs, what it leaves alone, and what it says when it cannot.

The script runs as it is; apt, dpkg and systemctl are small programs found first in PATH that note their
calls, and DPKG_ROOT is a temporary tree. That the real thing works on an empty Debian is shown by
`bare-machine` beside this file.
"""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted((ROOT / "scripts").glob("packages-*.txt"))
#: `make package-test` alone installs what it needs on top.
OF_SETUP = [one for one in LISTS if one.name != "packages-package.txt"]
OWN_POLICY = "#!/bin/sh\nexit 0\n"

FAKES = {
    "dpkg-query": 'case $1 in -W) cat "$STATE/installed";; -L) echo /lib/systemd/system/$2.service;; esac',
    "apt-cache": """grep -qx $2 "$STATE/known" && echo '  Candidate: 1.0' || echo '  Candidate: (none)'""",
    "apt-get": """echo "apt-get $*" >>"$STATE/calls"
case " $* " in *" install "*)
    cp "$DPKG_ROOT/usr/sbin/policy-rc.d" "$STATE/policy-seen"
    [ ! -e "$STATE/hang" ] || { : >"$STATE/hanging"; sleep 120; }
    [ ! -e "$STATE/offline" ] || { echo 'E: Temporary failure resolving'; exit 100; };;
esac""",
    "systemctl": 'echo "systemctl $*" >>"$STATE/calls"',
    "id": "echo ${FAKE_UID:-0}",
}


@dataclass(frozen=True)
class Machine:
    """A machine made of files; `installed` and `known` are its package database and its package sources."""

    path: Path

    @property
    def policy(self) -> Path:
        return self.path / "usr/sbin/policy-rc.d"

    def calls(self) -> list[str]:
        notes = self.path / "calls"
        return notes.read_text().splitlines() if notes.exists() else []

    def start(self, *packages: str, uid: int = 0) -> subprocess.Popen[str]:
        (self.path / "list.txt").write_text("".join(f"{name}  # reason\n" for name in packages))
        environment = os.environ | {
            "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}",
            "DPKG_ROOT": str(self.path),
            "STATE": str(self.path),
            "FAKE_UID": str(uid),
            "VOXGATE_SETUP_LOG": str(self.path / "setup.log"),
        }
        # Whoever runs the tests in the background has SIGINT ignored, and children inherit that.
        command = ["env", "--default-signal", str(ROOT / "scripts/install-packages"), str(self.path / "list.txt")]
        return subprocess.Popen(command, env=environment, text=True, stdout=-1, stderr=-2, start_new_session=True)

    def run(self, *packages: str, uid: int = 0) -> tuple[int, str]:
        process = self.start(*packages, uid=uid)
        output, _ = process.communicate(timeout=60)
        return process.returncode, output


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    for name, body in FAKES.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "installed").write_text("ii  base\nrc  gone\nhi  held\n")
    (tmp_path / "known").write_text("base\ngone\nkamailio\ntcpdump\nnew-name\n")
    return Machine(tmp_path)


def test_nothing_missing_means_no_apt_call(machine: Machine) -> None:
    code, output = machine.run("base", "held", "other-name|base")
    assert (code, machine.calls()) == (0, [])
    assert "all 3 are installed" in output


def test_only_missing_packages_are_installed_and_the_known_name_is_taken(machine: Machine) -> None:
    code, _ = machine.run("base", "gone", "old-name|new-name")
    install = machine.calls()[-1]
    assert code == 0
    assert re.search(r" install -y --no-install-recommends gone new-name$", install)


def test_while_apt_runs_daemons_are_forbidden_to_start_and_afterwards_no_trace_is_left(
    machine: Machine,
) -> None:
    code, _ = machine.run("tcpdump")
    assert code == 0
    assert "exit 101" in (machine.path / "policy-seen").read_text().splitlines()
    assert not machine.policy.exists()


def test_an_engine_installed_now_is_not_started_at_the_next_boot_and_other_units_are_left(
    machine: Machine,
) -> None:
    machine.run("kamailio", "tcpdump")
    assert [call for call in machine.calls() if call.startswith("systemctl")] == [
        "systemctl disable --quiet kamailio.service"
    ]


def test_the_administrators_own_policy_stays_as_it_is(machine: Machine) -> None:
    machine.policy.write_text(OWN_POLICY)
    code, output = machine.run("tcpdump")
    assert (code, machine.policy.read_text()) == (0, OWN_POLICY)
    assert "keeping the existing" in output


def test_a_policy_left_behind_by_a_killed_run_is_taken_over_and_removed(machine: Machine) -> None:
    machine.run("tcpdump")
    machine.policy.write_text((machine.path / "policy-seen").read_text())
    code, _ = machine.run("tcpdump")
    assert (code, machine.policy.exists()) == (0, False)


def test_without_network_it_says_what_to_do_and_leaves_no_policy(machine: Machine) -> None:
    (machine.path / "offline").touch()
    code, output = machine.run("tcpdump")
    assert (code, machine.policy.exists()) == (1, False)
    assert "Temporary failure resolving" in output
    assert "check that the machine reaches its Debian mirror" in output


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_no_policy(machine: Machine, sent: signal.Signals) -> None:
    (machine.path / "hang").touch()
    process = machine.start("tcpdump")
    deadline = time.monotonic() + 60
    while not (machine.path / "hanging").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    # Again and again: a shell that is about to start its `sleep` when the signal comes may wait for it all the same.
    while process.poll() is None and time.monotonic() < deadline:
        os.killpg(process.pid, sent)
        time.sleep(0.5)
    process.communicate(timeout=10)
    assert (process.returncode != 0, machine.policy.exists()) == (True, False)


def test_a_package_that_no_source_has_is_named_with_advice(machine: Machine) -> None:
    code, output = machine.run("no-such-package")
    assert code == 1
    assert "no package source of this machine has 'no-such-package'" in output
    assert "/etc/apt/sources.list" in output


def test_whoever_is_not_root_learns_which_packages_are_missing(machine: Machine) -> None:
    code, output = machine.run("base", "tcpdump", uid=1000)
    assert (code, machine.calls()) == (1, [])
    assert "tcpdump" in output
    assert "as root" in output


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_package_stands_in_its_list_with_a_reason(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9|.+-]+ +# \S.*", line)] == []


@pytest.mark.engine
def test_every_package_of_make_setup_is_installed_on_this_machine(machine: Machine) -> None:
    for name in FAKES.keys() - {"id"}:
        (machine.path / "bin" / name).unlink()
    done = subprocess.run(
        [ROOT / "scripts/install-packages", *OF_SETUP],
        env={"PATH": f"{machine.path / 'bin'}:{os.environ['PATH']}", "FAKE_UID": "1000"},  # may only look
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "are installed" in done.stdout) == (0, True), done.stdout + done.stderr
