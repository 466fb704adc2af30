"""Check certificate: whose name the certificate vouches for goes to the PBX over TLS, all others over TCP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.router.h323.talk import (
    CHECKED,
    CHECKED_PLAIN,
    CHECKED_TLS,
    CLIENT,
    RCF,
    Talk,
    closes,
    connects,
    grq,
    rrq,
    setup,
    to_server,
    told,
)
from voxgate.router.events import Connected
from voxgate.router.rules import Rules, Service, Target

if TYPE_CHECKING:
    from voxgate.router.client import Client

OVER_TLS = replace(CLIENT, tls=True)
ALICE = replace(OVER_TLS, certificate_name="alice")
ID = "checked.example"


@pytest.mark.parametrize(
    ("client", "request_", "target"),
    [
        (ALICE, rrq(ID, "alice"), CHECKED_TLS),
        (ALICE, grq(ID, "alice"), CHECKED_TLS),
        (ALICE, rrq(ID, "bob"), CHECKED_PLAIN),
        (ALICE, rrq(ID, "Alice"), CHECKED_PLAIN),
        (ALICE, rrq(ID, "alice", "bob"), CHECKED_PLAIN),
        (ALICE, rrq(ID, "alice", "1001"), CHECKED_PLAIN),
        (ALICE, rrq(ID), CHECKED_PLAIN),
        (ALICE, rrq(ID, keep_alive=True), CHECKED_PLAIN),
        (ALICE, grq(ID), CHECKED_PLAIN),
        (ALICE, setup("x@checked.example"), CHECKED_PLAIN),
        (OVER_TLS, rrq(ID, "alice"), CHECKED_PLAIN),
        (CLIENT, rrq(ID, "alice"), CHECKED_PLAIN),
        (replace(CLIENT, certificate_name="alice"), rrq(ID, "alice"), CHECKED_PLAIN),
    ],
)
def test_only_a_certified_registration_goes_over_tls_and_nobody_is_refused(
    client: Client, request_: bytes, target: Target
) -> None:
    assert connects(Talk(client).says(request_)) == [(target,)]


@pytest.mark.parametrize("first", [grq(ID), rrq(ID, keep_alive=True)])
def test_the_registration_after_a_discovery_changes_to_tls(first: bytes) -> None:
    talk = Talk(ALICE).served(first, CHECKED_PLAIN)
    request = rrq(ID, "alice")
    assert connects(talk.says(request)) == [(CHECKED_TLS,)]
    assert to_server(talk.on(Connected(CHECKED_TLS))) == request
    assert to_server(talk.says(rrq(None, keep_alive=True))) != b""


def test_a_discovery_by_the_certified_name_does_not_take_another_along() -> None:
    talk = Talk(ALICE).served(grq(ID, "alice"), CHECKED_TLS)
    assert connects(talk.says(rrq(ID, "bob"))) == [(CHECKED_PLAIN,)]


@pytest.mark.parametrize("later", [rrq(ID, "bob"), rrq(None, "bob"), rrq(ID), grq(ID, "bob")])
def test_nobody_else_registers_over_a_certified_connection(later: bytes) -> None:
    talk = Talk(ALICE).served(rrq(ID, "alice"), CHECKED_TLS)
    commands = talk.says(later)
    assert to_server(commands) == b""
    assert [reason for _, reason in told(commands)] in (["discoveryRequired"], ["terminalExcluded"])
    assert closes(commands)


def test_a_registration_that_came_without_certificate_stays_where_it_is() -> None:
    talk = Talk(ALICE).served(rrq(ID, "bob"), CHECKED_PLAIN)
    request = rrq(ID, "alice")
    assert to_server(talk.says(request)) == request


def test_calls_and_keepalives_of_a_certified_registration_pass() -> None:
    talk = Talk(ALICE).served(rrq(ID, "alice"), CHECKED_TLS)
    for said in (rrq(ID, "alice"), rrq(ID, keep_alive=True), setup("4711"), setup("x@other.example"), grq(ID)):
        assert to_server(talk.says(said)) == said
        talk.hears(RCF)


@pytest.mark.parametrize(
    ("plain", "tls", "client", "secure"),
    [
        (1720, 1300, CLIENT, False),
        (1720, 1300, OVER_TLS, True),
        (1720, None, OVER_TLS, False),
        (None, 1300, CLIENT, True),
    ],
)
def test_without_the_check_encryption_is_kept_or_the_one_port_used(
    plain: int | None, tls: int | None, client: Client, secure: bool
) -> None:
    service = Service("hq", CHECKED.nodes, plain, tls)
    found = connects(Talk(client, Rules({"h323": {"example.com": service}})).says(rrq("example.com", "bob")))
    assert [(one.tls, one.port) for (one,) in found] == [(secure, 1300 if secure else 1720)]
