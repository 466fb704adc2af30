"""Certificates that an ACME authority signs: it really asks port 80 and the DNS, and forgets nonces."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from lab.topologies import EDGE_PUBLIC
from tests.engine.internet import LISTEN, NAMES, ZONE, Internet, certs, eventually, internet
from tests.engine.office import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.edge import Edge

pytestmark = MARKS

ORDER = "POST /order-plz"


@pytest.fixture(scope="module")
def world() -> Iterator[Internet]:
    with internet() as made:
        yield made


def one(edge: Edge, name: str = "default") -> dict[str, Any]:
    return next(found for found in certs(edge)["certificates"] if found["name"] == name)


def signed(edge: Edge, name: str = "default") -> dict[str, Any]:
    """Until ACME has signed this certificate and it is shown."""
    eventually(lambda: one(edge, name)["origin"] == "acme")
    found = one(edge, name)
    assert found["alarm"] == "", found
    return found


def shown_as_wanted(edge: Edge) -> int:
    """How many handshakes were as they should be; all of them."""
    told = certs(edge, "verify")
    assert told["good"], [shaken for shaken in told["handshakes"] if shaken["wrong"]]
    return len(told["handshakes"])


def renewals(edge: Edge) -> list[str]:
    return [line for line in edge.text().splitlines() if " certificate_renewed " in line]


def renewed_as_a_replacement(edge: Edge) -> bool:
    """An authority that speaks ARI (Pebble from 2.5 on) takes a renewal for what it replaces."""
    before = edge.text().count("order_replaces_nothing")
    assert edge.command("certs", "renew", timeout_s=60).code == 0
    return edge.text().count("order_replaces_nothing") == before


def test_tls_works_at_once_and_what_the_authority_says_no_to_leaves_it_as_it_is(world: Internet) -> None:
    # The authority asks the third name over IPv6.
    with world.edge(world.config({"default": {"acme": world.acme(), "names": [*NAMES]}})) as office:
        edge = office.edge
        assert shown_as_wanted(edge) == 2 * 2 * len(NAMES)
        found = signed(edge)
        assert (set(found["names"]), shown_as_wanted(edge)) == (set(NAMES), 2 * 2 * len(NAMES))
        pids = {engine["name"]: engine["pid"] for engine in edge.status()["engines"]}

        # Wrong DNS: said plainly, and the authority is not even asked for an order.
        orders = world.pebble.text().count(ORDER)
        assert orders
        world.names.replace("example.com", [line.replace(EDGE_PUBLIC, "192.0.2.7") for line in ZONE])
        told = edge.command("certs", "renew", timeout_s=60)
        assert told.code == 1
        assert (
            f"the A record of edge.example.com leads to 192.0.2.7, which is not this edge: correct it to {EDGE_PUBLIC}"
            in told.out
        )
        world.names.replace("example.com", [line for line in ZONE if not line.startswith("edge")])
        told = edge.command("certs", "renew", timeout_s=60)
        assert "edge.example.com has no A and no AAAA record in the DNS" in told.out
        assert world.pebble.text().count(ORDER) == orders
        world.names.replace("example.com", ZONE)

        # The authority is down: the former certificate stays, and status says so.
        world.pebble.stop()
        told = edge.command("certs", "renew", timeout_s=60)
        assert (told.code, "does not answer: no connection" in told.out) == (1, True), told.out
        status = edge.status()
        assert status["overall"] == "degraded"
        assert any("certificate default" in reason and "does not answer" in reason for reason in status["reasons"])
        assert one(edge)["begins"] == found["begins"]
        assert shown_as_wanted(edge) == 2 * 2 * len(NAMES)

        # It comes back without a memory of our account.
        world.pebble.start()
        for _ in range(2):
            told = edge.command("certs", "renew", timeout_s=60)
        assert (told.code, one(edge)["alarm"]) == (0, ""), told.out
        assert len(renewals(edge)) == 2
        assert renewed_as_a_replacement(edge)
        assert shown_as_wanted(edge) == 2 * 2 * len(NAMES)
        assert {engine["name"]: engine["pid"] for engine in edge.status()["engines"]} == pids


HOOK = """\
#!/bin/sh
case $1 in
    add) knotc -s {socket} zone-begin example.com && knotc -s {socket} zone-set example.com "$2." 60 TXT "\\"$3\\"" ;;
    remove) knotc -s {socket} zone-begin example.com && knotc -s {socket} zone-unset example.com "$2." TXT "\\"$3\\"" ;;
esac && knotc -s {socket} zone-commit example.com && echo "$1 $2" >> {journal}
"""


def test_wildcards_by_records_in_the_dns_and_each_name_its_own_certificate(world: Internet) -> None:
    update, journal = world.update(), world.place / "hook.journal"
    hook = world.place / "hook"
    hook.write_text(HOOK.format(socket=world.names.control_socket, journal=journal))
    hook.chmod(0o755)
    certificates = {
        "default": {"acme": world.acme(), "names": [*NAMES]},
        "others": {
            "shop": {"acme": world.acme(dns=update), "names": ["shop.example.com", "*.shop.example.com"]},
            "club": {"acme": world.acme(dns={"hook": str(hook)}, key_type="rsa"), "names": ["*.club.example.com"]},
        },
    }
    # HAProxy holds port 80: the authority's questions come through it.
    served = {"sip": {**LISTEN["sip"], "ws": 80}}
    with world.edge(world.config({"default": certificates["default"]}, listen=served)) as office:
        edge = office.edge
        signed(edge)
        before = edge.status()["engines"]
        applied = edge.apply(world.config(certificates, listen=served))
        assert applied.code == 0, applied.out + applied.err
        shop, club = signed(edge, "shop"), signed(edge, "club")
        assert set(shop["names"]) == {"shop.example.com", "*.shop.example.com"}
        assert club["names"] == ["*.club.example.com"]
        # Two addresses, two listeners; the wildcards are asked for by a name below them.
        assert shown_as_wanted(edge) == 2 * 2 * (len(NAMES) + 3)
        at = "_acme-challenge.club.example.com"
        assert journal.read_text().split() == ["add", at, "remove", at]
        assert [(engine["pid"], engine["restarts"]) for engine in edge.status()["engines"]] == [
            (engine["pid"], engine["restarts"]) for engine in before
        ]


def test_a_revoked_certificate_is_replaced_because_the_authority_asks_for_it(world: Internet) -> None:
    directory = world.pebble.with_renewal_info()
    acme = world.acme(directory=directory)
    with world.edge(world.config({"default": {"acme": acme, "names": [*NAMES]}})) as office:
        edge = office.edge
        before = signed(edge)
        assert one(edge)["next_order"] > "2028"
        assert world.pebble.replaced() == []
        first = identifier(office.folder)
        world.revoke(office, directory)
        eventually(lambda: len(renewals(edge)) == 2, 90)
        assert one(edge)["begins"] >= before["begins"]
        assert shown_as_wanted(edge) == 2 * 2 * len(NAMES)
        # The order said what it replaces, and the next one too.
        second = identifier(office.folder)
        told = edge.command("certs", "renew", timeout_s=60)
        assert told.code == 0, told.out
        assert world.pebble.replaced() == [first, second]


def identifier(folder: Path) -> str:
    """Of the certificate that Kamailio shows (RFC 9773 section 4.1)."""
    shown = x509.load_pem_x509_certificate((folder / "run" / "kamailio" / "certificate.pem").read_bytes())
    serial = shown.serial_number.to_bytes(shown.serial_number.bit_length() // 8 + 1, "big")
    key = shown.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert key is not None
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (key, serial))
