import asyncio
import ctypes
import os
import pwd
import sys
import time
from pathlib import Path

import pytest

from voxgate.errors import HostError
from voxgate.host.launch import Launch
from voxgate.host.pipes import MOST_OUTPUT_BYTES
from voxgate.host.process import Child, command_of, run, spawn

ME = pwd.getpwuid(os.geteuid()).pw_name


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_program_gets_its_input_and_both_outputs_come_back_apart() -> None:
    done = run(("sh", "-c", "cat; echo worse >&2; exit 3"), timeout_s=10, input=b"better")
    assert (done.code, done.stdout, done.stderr) == (3, "better", "worse\n")


def test_input_larger_than_a_pipe_passes_while_output_comes_back() -> None:
    text = b"x" * 1_000_000
    assert run(("cat",), timeout_s=10, input=text).stdout == text.decode()


def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    assert run(("true",), timeout_s=10, input=b"x" * 1_000_000).code == 0


def test_output_is_bounded_and_the_program_still_ends() -> None:
    done = run(("sh", "-c", "head -c 5000000 /dev/zero"), timeout_s=20)
    assert (done.code, len(done.stdout)) == (0, MOST_OUTPUT_BYTES)


def test_a_program_that_is_not_done_in_time_is_killed_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(HostError, match=r"not done after 3 s"):
        run(("sh", "-c", f"sleep 60 & echo $! > {note}; wait"), timeout_s=3)
    pid = int(note.read_text())
    for _ in range(1000):  # a killed process takes a moment to go
        if not alive(pid):
            break
        time.sleep(0.01)
    assert not alive(pid)


def test_a_child_left_behind_with_the_pipes_does_not_hold_us_up() -> None:
    begun = time.monotonic()
    assert run(("sh", "-c", "setsid sleep 5 & echo done"), timeout_s=30).stdout == "done\n"
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(("allowed", "most"), [("1024:4096", 4096), ("2048:2048", 2048)])
def test_as_many_files_may_be_open_as_the_machine_allows(allowed: str, most: int) -> None:
    ask = "limits.raise_open_files(); print(p.run(('sh', '-c', 'ulimit -n'), timeout_s=9))"
    code = f"from voxgate.host import limits, process as p; {ask}"
    # Without the capability that lets root raise the hard limit, as in a container.
    unprivileged = ("setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource")
    done = run((*unprivileged, "prlimit", f"--nofile={allowed}", sys.executable, "-c", code), timeout_s=20)
    assert f"stdout='{most}\\n'" in done.stdout, done.stderr


def test_a_missing_program_is_an_error_of_this_machine_with_the_package() -> None:
    with pytest.raises(HostError, match="the program nft-of-tomorrow is not installed"):
        run(("nft-of-tomorrow",), timeout_s=1)


def test_a_missing_folder_is_an_error_of_this_machine(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="could not be started: No such file"):
        run(("true",), timeout_s=1, cwd=tmp_path / "none")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_missing_user_is_an_error_of_this_machine() -> None:
    with pytest.raises(HostError, match="no user nobody-of-tomorrow"):
        command_of(Launch(("true",), "nobody-of-tomorrow"))


async def lines_of(script: str) -> tuple[int, list[bytes]]:
    lines: list[bytes] = []
    child = await spawn(Launch(("sh", "-c", script), ME), lines.append)
    return await child.wait(), lines


def test_an_engines_lines_arrive_from_both_outputs_without_their_ends() -> None:
    assert asyncio.run(lines_of("echo one; echo two >&2; printf three; exit 7")) == (7, [b"one", b"two", b"three"])


def test_an_engine_sees_only_its_own_environment() -> None:
    _, lines = asyncio.run(lines_of("env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=' | cut -d= -f1 | sort"))
    assert lines == [b"LANG", b"PATH", b"TZ"]


def test_an_engine_does_not_read_what_is_typed_to_us() -> None:
    ours, typed = os.pipe()
    saved = os.dup(0)
    os.dup2(ours, 0)
    try:
        os.write(typed, b"typed\n")
        assert asyncio.run(lines_of("cat")) == (0, [])
    finally:
        os.dup2(saved, 0)
        for descriptor in (ours, typed, saved):
            os.close(descriptor)


def test_workers_that_outlive_a_killed_leader_are_gone_and_reaped_when_wait_returns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note = tmp_path / "pid"

    async def scene() -> int:
        ready = asyncio.Event()
        script = f"(trap '' TERM; sleep 60 & echo $! > {note}; echo ready; wait) & sleep 60"
        child = await spawn(Launch(("sh", "-c", script), ME), lambda line: ready.set())
        await ready.wait()
        os.kill(child.pid, 9)
        return await child.wait()

    assert asyncio.run(scene()) == -9
    assert not Path(f"/proc/{int(note.read_text())}").exists()
    assert "group_not_gone" not in caplog.text


def test_orphans_of_an_engine_become_ours_so_that_they_can_be_reaped() -> None:
    asyncio.run(lines_of("true"))
    adopting = ctypes.c_int()
    get_child_subreaper = 37  # linux/prctl.h
    assert ctypes.CDLL(None).prctl(get_child_subreaper, ctypes.byref(adopting), 0, 0, 0) == 0
    assert adopting.value == 1


def test_signals_to_a_child_that_is_gone_are_nothing() -> None:
    async def scene() -> Child:
        child = await spawn(Launch(("true",), ME), lambda line: None)
        await child.wait()
        child.terminate()
        child.kill()
        return child

    asyncio.run(scene())
