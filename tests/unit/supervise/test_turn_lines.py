"""Who failed to log in, out of lines that coturn 4.6.1 wrote."""

from __future__ import annotations

from ipaddress import ip_address

from voxgate.supervise.turn_lines import MOST_FAILURES, MOST_SESSIONS, Failures, TurnLines, is_routine, unknown_option

NOW_S = 1_795_000_000.0
SESSION = "session 001000000000000001"
MARK = "12345678901234567890"


def refused(user: str, session: str = SESSION) -> str:
    said = "incoming packet message processed, error 401: Unauthorized"
    return f"{MARK}:: {session}: realm <e.example> user <{user}>: {said}"


def closed(remote: str, user: str = "office", session: str = SESSION) -> str:
    return (
        f"{MARK}:: {session}: closed (2nd stage), user <{user}> realm <e.example> origin <>, local 203.0.113.45:3478, "
        f"remote {remote}, reason: allocation watchdog determined stale session state"
    )


def fed(*lines: str) -> list[Failures]:
    log = TurnLines()
    return [found for line in lines if (found := log.feed(line, NOW_S))]


def test_failures_are_told_when_the_session_ends_with_its_address() -> None:
    four = fed(refused(""), refused("office"), refused("office"), closed("203.0.113.77:48671"))
    assert four == [Failures(ip_address("203.0.113.77"), "office", 2)]
    six = fed(refused("office"), closed("[2001:db8:2::50]:3478"))
    assert six == [Failures(ip_address("2001:db8:2::50"), "office", 1)]


def test_a_challenge_is_no_failure_and_neither_are_credentials_whose_time_is_over() -> None:
    assert fed(refused(""), closed("203.0.113.77:48671", "")) == []
    assert fed(refused("1794999999:web"), closed("203.0.113.77:48671")) == []
    assert len(fed(refused("1795000001:web"), closed("203.0.113.77:48671"))) == 1


def test_a_session_counts_once_and_not_for_ever() -> None:
    assert fed(refused("a"), closed("203.0.113.77:1"), closed("203.0.113.77:1")) == [
        Failures(ip_address("203.0.113.77"), "a", 1)
    ]
    assert fed(*[refused("a")] * 500, closed("203.0.113.77:1"))[0].count == MOST_FAILURES


def test_sessions_that_never_end_take_no_more_memory_than_agreed() -> None:
    log = TurnLines()
    for number in range(MOST_SESSIONS + 100):
        log.feed(refused("a", f"session {number:018d}"), NOW_S)
    assert len(log._open) == MOST_SESSIONS
    assert log.feed(closed("203.0.113.77:1", session=f"session {0:018d}"), NOW_S) is None


def test_nobody_writes_an_address_into_the_log_by_a_name() -> None:
    # coturn takes no spaces and quotes in user names; if it did, the last `remote` of the line would count.
    user = "x> realm <y> origin <>, local 1.1.1.1:1, remote 198.51.100.1:1, reason: z"
    found = fed(refused("a"), closed("203.0.113.77:9", user))
    assert found == [Failures(ip_address("203.0.113.77"), "a", 1)]
    assert fed(refused("a"), closed("999.1.1.1:9"), "remote", "", "\0") == []


def test_what_the_log_is_spared_and_what_not() -> None:
    assert is_routine(refused("office"))
    assert is_routine("1: : IPv4. tcp or tls connected to: 127.0.0.1:44838")
    assert is_routine("1: : ERROR: check_stun_auth: user office credentials are incorrect")
    assert is_routine("socket: Protocol not supported")
    assert not is_routine("0: : ERROR: Cannot bind local socket")
    assert unknown_option("0: : Bad configuration format: bogus-option") == "bogus-option"
    assert unknown_option("0: : Relay ports initialization done") == ""


def test_lines_in_a_user_name_accuse_nobody() -> None:
    begin = f"{MARK}:: listening"
    for mark in ("1: ", "00000000000000000000:", "", f"{MARK[:-1]}1:"):
        forged = [line.replace(f"{MARK}:", mark) for line in (refused("office"), closed("203.0.113.77:1"))]
        assert fed(begin, *forged) == []
    assert fed(begin, refused("office"), closed("203.0.113.77:1"))
