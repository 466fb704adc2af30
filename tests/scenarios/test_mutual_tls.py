"""Client certificates over real TLS: who has one of its own reaches the PBX over TLS, everyone else is asked there."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import BRANCH, TONES_HZ, Setting, Stage, node, stage
from lab.peers.agent import Script
from lab.tls import authority
from lab.topologies import BEHIND_NAT
from tests.scenarios.scene import Party, alone, at_once, check_clean, check_hears

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.tls import Identity

PBX = "pbx-branch"
PHONES, STRANGERS = authority("Phones"), authority("Strangers")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

#: Phone -> who signed, names in the certificate (common name first), life, and how it reaches the PBX.
CASES: dict[str, tuple[Any, tuple[str, ...], timedelta, str]] = {
    "common-name": (PHONES, ("common-name",), HOUR, "tls"),
    "with-domain": (PHONES, (f"with-domain@{BRANCH}",), HOUR, "tls"),
    "second-san": (PHONES, ("Desk 7", "mail@example.org", f"second-san@{BRANCH}"), HOUR, "tls"),
    "host-san": (PHONES, ("Desk 7", "host-san"), HOUR, "tls"),
    "uri-san": (PHONES, ("Desk 7", f"sip:uri-san@{BRANCH}"), HOUR, "tls"),
    "other-name": (PHONES, ("common-name",), HOUR, "udp"),
    "other-domain": (PHONES, ("other-domain@example.com",), HOUR, "udp"),
    "expired": (PHONES, ("expired",), -MINUTE, "udp"),
    "untrusted": (STRANGERS, ("untrusted",), HOUR, "udp"),
    "none": (None, (), HOUR, "udp"),
}


def identity(folder: Path, user: str) -> Identity | None:
    """The phone's own certificate."""
    signer, names, life, _ = CASES[user]
    return signer.issue(folder, *names, stem=user, life=life) if signer else None


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    folder = folders()
    (folder / "phones").mkdir()
    PHONES.issue(folder / "phones", "first")
    more = {
        "certificates": {
            "default": {"certificate": str(folder / "server.pem"), "key": str(folder / "server.key")},
            "clients_ca": str(folder / "phones" / "ca.pem"),
        }
    }
    sip = {"udp": 5060, "tls": 5061, "check_certificate": True}
    branch = {"names": [BRANCH], "nodes": [node(BEHIND_NAT, PBX)], "sip": sip}
    with stage(Setting(BEHIND_NAT, pbxs={"branch": branch}, more=more, transports=("udp", "tls")), folder) as made:
        yield made


@pytest.fixture(scope="module")
def reports(office: Stage) -> dict[str, Any]:
    """All phones register and call."""
    jobs = {}
    for user in CASES:
        own = identity(office.folder / "phones", user)
        setup = {"identity": (own.certificate, own.key)} if own else {}
        party = Party("phone-home", "tls", user, setup=setup)
        jobs[user] = alone(office, party, Script("600", talk_s=2))
    return asyncio.run(at_once(jobs))


@pytest.mark.parametrize("user", CASES)
def test_the_certificate_decides_how_the_pbx_is_reached_and_nobody_is_refused(
    office: Stage, reports: dict[str, Any], user: str
) -> None:
    check_clean(reports[user])
    check_hears(office, "phone-home", reports[user], TONES_HZ[PBX], 1.0)
    registered = office.pbxs[PBX].wait("registered", user=user)
    facts: dict[str, Any] = {"from": user}
    invite = office.pbxs[PBX].wait("invite", **facts)
    assert (registered["over"], invite["source"].partition(":")[0]) == (CASES[user][3],) * 2


def test_a_certificate_is_no_use_without_tls(office: Stage) -> None:
    check_clean(asyncio.run(alone(office, Party("phone-home", "tcp", "without-tls"), Script("600", talk_s=0.3))))
    assert office.pbxs[PBX].wait("registered", user="without-tls")["over"] == "udp"
