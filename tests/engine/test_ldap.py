"""LDAP and LDAPS through the edge with real directories and real clients."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from lab.phones.device import until
from lab.topologies import EDGE_PUBLIC
from tests.engine.directories import ALBUM, PLAIN, SECURE, Directories, config, directories, issue
from tests.engine.ldap_client import Client, first_code, openssl
from tests.engine.office import MARKS
from tests.unit.router.ldap.messages import ABANDON, BOUND, STARTTLS, UNBIND, bind, extended, sasl_bind, search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.directory import Directory

pytestmark = MARKS

INVALID, INAPPROPRIATE, UNSUPPORTED, STRONGER, UNAVAILABLE = 49, 48, 7, 8, 52


@pytest.fixture(scope="module")
def place() -> Iterator[Directories]:
    with directories() as made:
        yield made


@pytest.mark.parametrize("url", [PLAIN, SECURE])
@pytest.mark.parametrize("words", [(), ("-ZZ",)], ids=["", "StartTLS"])
def test_a_search_reaches_the_directory_of_the_binds_domain(place: Directories, url: str, words: tuple[str]) -> None:
    if words and url == SECURE:
        url = PLAIN
    for directory in (place.hq, place.branch):
        done = place.search(url, directory, *words)
        assert done.code == 0, done.err
        assert f"dn: cn=person 7,{directory.suffix.dn}" in done.out


def test_whoami_is_asked_of_the_pbx(place: Directories) -> None:
    done = place.client("ldapwhoami", "-H", SECURE, "-D", place.hq.bind_dn, "-w", place.hq.password)
    assert (done.code, done.out.strip()) == (0, f"dn:{place.hq.bind_dn}")


def test_names_are_compared_as_directories_do(place: Directories) -> None:
    for name in ("CN=guest, DC=Example, DC=COM", "cn=guest;dc=example;dc=com", r"cn=\67uest,dc=e\78ample,dc=com"):
        done = place.client("ldapwhoami", "-H", SECURE, "-D", name, "-w", place.hq.password)
        assert done.code == 0, (name, done.err)


@pytest.mark.parametrize("name", ["guest@example.com", r"example.com\guest"])
def test_names_that_are_no_dn_reach_the_pbx_too_which_has_the_last_word(place: Directories, name: str) -> None:
    # slapd knows DNs only; that it was asked shows in its answer: 34, invalid DN syntax.
    done = place.client("ldapwhoami", "-H", SECURE, "-D", name, "-w", "x")
    assert done.code == 34


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("-D", "cn=guest,dc=example,dc=com", "-w", "wrong"), INVALID),
        (("-D", "cn=guest,dc=nobody,dc=example", "-w", "x"), INVALID),
        (("-D", "ldap-guest", "-w", "x"), INVALID),
        ((), INAPPROPRIATE),
    ],
)
def test_what_leads_nowhere_is_refused_with_the_right_result(
    place: Directories, words: tuple[str, ...], code: int
) -> None:
    done = place.client("ldapwhoami", "-H", SECURE, *words)
    assert done.code == code, done.err


def test_sasl_and_kerberos_are_answered_honestly(place: Directories) -> None:
    with Client(place, 636, tls=openssl(place)) as client:
        answer = client.ask(sasl_bind("GSSAPI", b"\x60" * 3000))
        assert first_code(answer) == UNSUPPORTED
        assert b"Kerberos" in answer
        assert client.login(place.hq) == 0


def test_few_clients_keep_one_process_busy_and_one_that_says_nothing_none(place: Directories) -> None:
    until(lambda: not any(place.connections()), 10, "no connection left", place.folder)
    with Client(place), Client(place, 636, tls=openssl(place)), Client(place) as one, Client(place) as other:
        assert (one.login(place.hq), other.login(place.branch)) == (0, 0)
        first, *others = place.connections()
        assert (first, sum(others)) == (2, 0)
        one.sock.sendall(UNBIND)
        assert one.sock.recv(10) == b""
        until(lambda: place.connections()[0] == 1, 10, "one connection left", place.folder)


def test_python_binds_several_times_on_one_connection_and_moves_between_the_pbxs(place: Directories) -> None:
    with Client(place, 636, tls=openssl(place)) as client:
        assert first_code(client.ask(search())) == STRONGER
        for directory in (place.hq, place.hq, place.branch, place.hq):
            assert client.login(directory) == 0
            assert directory.suffix.dn.encode() in client.found(directory)
        assert first_code(client.ask(bind("cn=guest,dc=nobody,dc=example"))) == INVALID
        assert first_code(client.ask(search(place.hq.suffix.dn))) == STRONGER
        client.sock.sendall(UNBIND)
        assert client.sock.recv(10) == b""


def test_ldap3_reads_the_phone_book(place: Directories) -> None:
    program = (
        "import ldap3, ssl, sys\n"
        "url, ca, dn, word, base = sys.argv[1:]\n"
        "tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca, valid_names=['edge.example.com'])\n"
        "server = ldap3.Server(url, use_ssl=True, tls=tls, get_info=ldap3.ALL, connect_timeout=10)\n"
        "client = ldap3.Connection(server, dn, word, auto_bind=True, receive_timeout=10)\n"
        "client.search(base, '(objectClass=inetOrgPerson)', attributes=['telephoneNumber'])\n"
        "print(len(client.entries))\n"
    )
    import sys  # noqa: PLC0415  only for the interpreter's path

    hq = place.hq
    argv = [sys.executable, "-c", program, SECURE, str(place.folder / "ca.pem"), hq.bind_dn, hq.password, hq.suffix.dn]
    done = place.net.run("phone-home", argv)
    assert done.out.strip() == "20", done.err


def test_a_search_in_plain_text_behind_starttls_is_not_answered_inside(place: Directories) -> None:
    with Client(place) as client:
        answer = client.ask(extended(STARTTLS) + bind(place.hq.bind_dn, place.hq.password))
        assert first_code(answer) == 2
        assert client.sock.recv(10) == b""


@pytest.mark.parametrize("url", [PLAIN, SECURE])
def test_a_large_result_arrives_whole(place: Directories, url: str) -> None:
    who = ("-D", place.hq.bind_dn, "-w", place.hq.password, "-b", place.hq.suffix.dn)
    done = place.client("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-H", url, *who, "(cn=album)", "description")
    assert done.code == 0, done.err
    assert f"description: {'x' * ALBUM}\n" in done.out


def test_what_is_no_ldap_gets_a_notice_of_disconnection_and_an_abandoned_search_none(place: Directories) -> None:
    with Client(place) as client:
        answer = client.ask(b"GET / HTTP/1.1\r\n\r\n")
        assert b"1.3.6.1.4.1.1466.20036" in answer
        assert client.sock.recv(10) == b""
    with Client(place) as client:
        assert client.login(place.hq) == 0
        client.sock.sendall(ABANDON)
        assert place.hq.suffix.dn.encode() in client.found(place.hq)
    assert "ABANDON" in place.hq.text()


def test_encryption_is_kept_or_taken_off_as_the_pbx_has_it(place: Directories) -> None:
    def connections(directory: Directory) -> tuple[int, int]:
        text = directory.text()
        return text.count(f"{directory._address}:389"), text.count(f"{directory._address}:636")

    for url, directory, expected in (
        (SECURE, place.hq, (0, 1)),
        (PLAIN, place.hq, (1, 0)),
        (SECURE, place.branch, (1, 0)),
    ):
        before = connections(directory)
        assert place.search(url, directory).code == 0
        after = connections(directory)
        assert (after[0] - before[0], after[1] - before[1]) == expected


def test_suspicious_binds_are_told_with_their_requester_and_user(place: Directories) -> None:
    place.client("ldapwhoami", "-H", SECURE, "-D", "cn=mallory,dc=example,dc=com", "-w", "x")
    place.client("ldapwhoami", "-H", SECURE, "-D", "cn=eve,dc=elsewhere,dc=example", "-w", "x")
    place.edge.status()  # what was told before is written by now
    told = place.suspicious()
    assert (
        "event=auth_failure src_ip=203.0.113.77 protocol=ldap name=example.com user=mallory proven=yes "
        "detail=invalid_credentials:49"
    ) in told
    assert any(line.startswith("event=unknown_name") and "name=elsewhere.example user=eve" in line for line in told)


def test_forwarded_and_rejected_requests_stand_in_the_access_log(place: Directories) -> None:
    place.search(SECURE, place.hq)
    place.client("ldapwhoami", "-H", PLAIN, "-D", "cn=eve,dc=elsewhere,dc=example", "-w", "x")
    place.client("ldapwhoami", "-H", PLAIN, "-D", place.hq.bind_dn, "-w", "wrong")
    place.edge.status()  # what was told before is written by now
    lines = [
        (line["protocol"], line["service"], line["pbx"], line["node"], line["result"], line["reason"], line["status"])
        for line in place.accesses()
    ]
    assert ("ldaps", "example.com", "hq", "192.168.1.20:636", "forwarded", "", 0) in lines
    assert ("ldap", "elsewhere.example", "", "", "rejected", "name", INVALID) in lines
    assert ("ldap", "example.com", "hq", "192.168.1.20:389", "rejected", "pbx", INVALID) in lines
    (served,) = [line for line in place.accesses() if line["node"].endswith(":636")][-1:]
    assert served["requester"] == "203.0.113.77"
    # The bind and its result count as well.
    assert served["bytes_in"] > len(bind(place.hq.bind_dn, place.hq.password))
    assert served["bytes_out"] > len(BOUND)


def test_a_client_certificate_is_asked_for_and_none_is_refused(place: Directories) -> None:
    issue(place.ca, place.folder, "phone", "guest")
    for stem in ("", "phone"):
        with Client(place, 636, tls=openssl(place, stem)) as client:
            assert client.login(place.hq) == 0


def test_new_rules_hold_at_once_and_close_nothing(place: Directories) -> None:
    pids = {name: place.edge.engine(name)["pid"] for name in ("haproxy", "router-1")}
    with Client(place, 636, tls=openssl(place)) as client:
        assert client.login(place.hq) == 0
        changed = config(place.folder)
        changed["pbxs"]["hq"]["ldap"]["allow_from"] = ["192.0.2.0/24"]
        done = place.edge.apply(changed)
        assert done.code == 0, done.err
        assert "router-1: reload rules" in done.out
        assert place.search(SECURE, place.hq).code == INVALID
        assert place.search(SECURE, place.branch).code == 0
        assert place.hq.suffix.dn.encode() in client.found(place.hq)
        assert place.edge.apply(config(place.folder)).code == 0
        assert place.search(SECURE, place.hq).code == 0
        assert place.hq.suffix.dn.encode() in client.found(place.hq)
    assert {name: place.edge.engine(name)["pid"] for name in pids} == pids


def test_a_ban_closes_open_connections_over_tls_and_starttls_and_their_ways_to_the_pbx(place: Directories) -> None:
    with Client(place, 636, tls=openssl(place)) as secure, Client(place) as plain:
        begun = place.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM)
        begun.settimeout(10)
        begun.connect((EDGE_PUBLIC, 389))
        begun.sendall(extended(STARTTLS))
        assert first_code(begun.recv(100)) == 0
        with openssl(place).wrap_socket(begun, server_hostname="edge.example.com") as upgraded:
            for client in (secure, plain):
                assert client.login(place.hq) == 0
            upgraded.sendall(bind(place.hq.bind_dn, place.hq.password))
            assert first_code(upgraded.recv(100)) == 0
            # StartTLS: on its way out of a router and back in.
            assert place.connections()[0] == 4
            assert place.edge.command("ban", "203.0.113.77").code == 0
            until(lambda: not any(place.connections()), 10, "no connection left", place.folder)
            assert place.edge.command("unban", "203.0.113.77").code == 0
            for sock in (secure.sock, plain.sock, upgraded):
                with suppress(ConnectionError):
                    assert sock.recv(100) == b""
    assert place.search(SECURE, place.hq).code == 0


def test_a_router_that_is_killed_comes_back_and_takes_clients_again(place: Directories) -> None:
    for engine in place.edge.status()["engines"]:
        if engine["name"].startswith("router-"):
            place.net.run("edge", ["kill", "-9", str(engine["pid"])])
    for _ in range(100):
        if place.search(SECURE, place.branch).code == 0:
            break
    place.edge.wait_for_log("engine_returned unit=router-1")
    assert place.search(SECURE, place.hq).code == 0


def test_a_directory_that_is_gone_is_unavailable(place: Directories) -> None:
    changed = json.loads(json.dumps(config(place.folder)))
    changed["pbxs"]["branch"]["ldap"] = {"plain": 3899}
    changed["pbxs"]["hq"]["ldap"] = {"tls": 3898}
    assert place.edge.apply(changed).code == 0
    for directory in (place.branch, place.hq):
        assert place.search(SECURE, directory).code == UNAVAILABLE
    assert any("event=connect_failed" in line for line in place.suspicious())
    assert place.edge.apply(config(place.folder)).code == 0
