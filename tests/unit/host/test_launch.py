import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.host.launch import Account, LineCutter, become, environment, exit_words, package_advice, pasteable


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(0, "exited with code 0", id="good"),
        pytest.param(255, "exited with code 255", id="Kamailio's and rtpengine's own"),
        pytest.param(126, "exited with code 126: it could not be executed", id="not executable"),
        pytest.param(127, "exited with code 127: it was not found", id="not found"),
        pytest.param(-signal.SIGTERM, "was ended by signal 15 (SIGTERM)", id="TERM"),
        pytest.param(-signal.SIGKILL, "was killed with signal 9 (SIGKILL)", id="KILL"),
        pytest.param(-signal.SIGSEGV, "crashed with signal 11 (SIGSEGV)", id="a fault"),
        pytest.param(139, "exited with code 139: crashed with signal 11 (SIGSEGV)", id="a wrapper's child"),
        pytest.param(-40, "was ended by signal 40", id="real-time signal without a name"),
    ],
)
def test_an_exit_code_is_told_in_words(code: int, words: str) -> None:
    assert exit_words(code) == words


def test_root_becomes_the_user_with_the_named_capabilities_only() -> None:
    options = become(Account("kamailio", "kamailio"), ("CAP_NET_BIND_SERVICE", "net_raw"), privileged=True)
    assert options == (
        "--no-new-privs",
        "--inh-caps=-all,+net_bind_service,+net_raw",
        "--ambient-caps=-all,+net_bind_service,+net_raw",
        "--bounding-set=-all,+net_bind_service,+net_raw",
        "--reuid=kamailio",
        "--regid=kamailio",
        "--clear-groups",
    )


def test_without_privileges_only_new_ones_are_ruled_out() -> None:
    assert become(None, ("net_bind_service",), privileged=False) == ("--no-new-privs",)


def test_a_program_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXGATE_SECRET_TRUNK", "hunter2")
    assert sorted(environment((("A", "b"),))) == ["A", "LANG", "PATH", "TZ"]


def test_the_log_line_can_be_pasted_into_a_shell() -> None:
    line = pasteable(("kamailio", "-f", "/run/a b/kamailio.cfg", "$(reboot)"), (("X", "1 2"),))
    assert line == "env X='1 2' kamailio -f '/run/a b/kamailio.cfg' '$(reboot)'"


def test_a_missing_program_is_named_with_its_package() -> None:
    assert package_advice("rtpengine") == "install it: apt-get install rtpengine-daemon"
    assert str(Path("dig")) in package_advice("dig")


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    cutter = LineCutter(limit_bytes=8)
    assert cutter.feed(b"0123456789abc") == []
    assert cutter.feed(b"def\r\nnext\n") == [b"01234567", b"next"]
    assert cutter.end() == []


@given(st.lists(st.binary(max_size=6).filter(lambda line: b"\n" not in line and not line.endswith(b"\r"))), st.data())
def test_lines_are_the_same_however_the_bytes_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cutter, got, at = LineCutter(limit_bytes=6), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 5))
        got += cutter.feed(stream[at : at + size])
        at += size
    assert got + cutter.end() == lines
