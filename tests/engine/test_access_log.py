"""The access log: the same fields whoever wrote the line, each switch, and its room, through HAProxy and the router."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from lab.directory import Directory
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import HQ, MARKS, Config
from tests.engine.web_office import wait, web_config, web_office
from voxgate.wire.access_line import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.web_office import WebOffice

pytestmark = MARKS
DOMAIN = "hq.example.com"
HOME = "203.0.113.77"
NOBODY = "cn=eve,dc=nobody,dc=example"
#: (forwarded, rejected); with all on at the end, since its lines tell that all before have come.
SWITCHES = ((False, False), (False, True), (True, False), (True, True))


@pytest.fixture(scope="module")
def place() -> Iterator[WebOffice]:
    with web_office(config()) as made:
        yield made


@pytest.fixture(scope="module")
def book(place: WebOffice) -> Iterator[Directory]:
    with Directory(place.office.net, "pbx-hq-a", place.office.folder, HQ, DOMAIN) as made:
        yield made


def config(**access_log: object) -> Config:
    made = web_config()
    made["listen"] = {**made["listen"], "ldap": {"plain": 389}}
    made["pbxs"]["hq"]["ldap"] = {"plain": 389}
    return {**made, "access_log": access_log}


def whoami(place: WebOffice, book: Directory, dn: str) -> int:
    """The result of a bind and a question."""
    argv = ["ldapwhoami", "-x", "-o", "nettimeout=10", "-H", f"ldap://{EDGE_PUBLIC}", "-D", dn, "-w", book.password]
    return place.office.net.run("phone-home", argv).code


def ask_all(place: WebOffice, book: Directory, mark: str) -> None:
    """One request that is forwarded and one that is rejected, over HTTP and over LDAP; until the edge knows of all."""
    before = _suspicious(place)
    assert place.get(DOMAIN, f"/PBX0/MY/{mark}", tls=False).status == 200
    assert place.get(DOMAIN, f"/refused/{mark}", tls=False).status == 403
    assert whoami(place, book, book.bind_dn) == 0
    assert whoami(place, book, NOBODY) == 49
    # Whatever the log leaves out, the guard hears of it at the same moment.
    due = before + Counter(http=1, ldap=1)
    wait(lambda: _suspicious(place) >= due, f"{due} in the log of the guard")


def _suspicious(place: WebOffice) -> Counter[str]:
    """Refused URLs over HTTP and unknown names over LDAP so far."""
    told = re.findall(r"event=(?:not_allowed|unknown_name) src_ip=\S+ protocol=(\w+)", place.office.edge.text())
    return Counter(told)


def lines_of(place: WebOffice) -> list[dict[str, Any]]:
    """All lines, those of the older half first."""
    folder = place.office.folder / "state"
    texts = [path.read_text() for path in (folder / "access.log.1", folder / "access.log") if path.exists()]
    # A batch may be half written.
    return [json.loads(line) for text in texts for line in text.rpartition("\n")[0].splitlines()]


def test_lines_of_haproxy_and_of_the_router_have_the_same_fields(place: WebOffice, book: Directory) -> None:
    ask_all(place, book, "fields")
    web, ldap = (
        (
            place.logged(protocol=protocol, result="forwarded", pbx="hq")[-1],
            place.logged(protocol=protocol, result="rejected")[-1],
        )
        for protocol in ("http", "ldap")
    )
    for line in (*web, *ldap):
        assert tuple(line) == FIELDS
        assert {name: type(value) for name, value in line.items()} == {n: type(v) for n, v in web[0].items()}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["requester"] == HOME
    for line in (web[0], ldap[0]):
        assert (line["service"], line["reason"]) == (DOMAIN, "")
        assert line["node"].partition(":")[0] == HQ
        assert min(line["bytes_in"], line["bytes_out"]) > 0
        assert line["duration_ms"] >= 0
    assert (web[1]["reason"], ldap[1]["reason"]) == ("url", "name")
    assert web[1]["node"] == ldap[1]["node"] == ""


def test_each_kind_of_line_is_there_where_it_is_switched_on(place: WebOffice, book: Directory) -> None:
    before = Counter(_ldap(place))
    for forwarded, rejected in SWITCHES:
        assert place.office.edge.apply(config(forwarded=forwarded, rejected=rejected), "--yes").code == 0
        ask_all(place, book, f"{forwarded}-{rejected}")
    # With all on at the end: two of each kind then.
    due = before + Counter(forwarded=2, rejected=2)
    wait(lambda: Counter(_ldap(place)) >= due, f"lines of LDAP: {due}")
    for path in ("PBX0/MY", "refused"):
        place.logged(request=f"GET /{path}/True-True")
    assert Counter(_ldap(place)) == due
    asked = {line["request"] for line in lines_of(place)}
    for forwarded, rejected in SWITCHES:
        assert (f"GET /PBX0/MY/{forwarded}-{rejected}" in asked) is forwarded
        assert (f"GET /refused/{forwarded}-{rejected}" in asked) is rejected


def _ldap(place: WebOffice) -> list[str]:
    """Results of all lines of LDAP."""
    return [line["result"] for line in lines_of(place) if line["protocol"] == "ldap"]


def load(place: WebOffice, mark: str, count: int) -> None:
    argv = ["h2load", "--h1", f"-n{count}", "-c10", f"--connect-to={EDGE_PUBLIC}:443"]
    done = place.office.net.run("phone-home", [*argv, f"https://{DOMAIN}/PBX0/MY/{mark}"], timeout_s=60)
    assert f" {count} 2xx" in done.out


def test_the_log_keeps_its_room_and_loses_no_line_before_it_is_full(place: WebOffice) -> None:
    assert place.office.edge.apply(config(megabytes=1), "--yes").code == 0
    files = [place.office.folder / "state" / name for name in ("access.log", "access.log.1")]
    # More than one file holds, and less than both.
    load(place, "first", 2500)
    wait(lambda: _asked(place, "first") == 2500, "2500 lines in two files")
    assert all(path.exists() for path in files)
    # More than the second file has room for, and less than a file holds.
    load(place, "second", 1700)
    wait(lambda: _asked(place, "second") == 1700, "1700 more")
    assert _asked(place, "first") < 2500
    assert all(path.stat().st_size <= 1 << 19 for path in files)


def _asked(place: WebOffice, mark: str) -> int:
    return sum(line["request"] == f"GET /PBX0/MY/{mark}" for line in lines_of(place))
