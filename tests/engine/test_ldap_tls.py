"""LDAPS where it is not the usual case: old phones, IPv6, a PBX whose certificate is verified, what is not logged."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.directories import BRANCH, HQ, SECURE, Directories, config, directories
from tests.engine.office import MARKS
from tests.unit.router.ldap.messages import bind

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

INVALID, UNAVAILABLE = 49, 52
SIX, PLAIN_SIX = f"ldaps://[{EDGE_PUBLIC_SIX}]", f"ldap://[{EDGE_PUBLIC_SIX}]"


@pytest.fixture(scope="module")
def place() -> Iterator[Directories]:
    with directories() as made:
        assert made.edge.apply(_config(made)).code == 0
        yield made


def _config(place: Directories, *, legacy: bool = False) -> dict[str, object]:
    """Both names lead to one slapd, whose certificate is for `example.com` only."""
    ldap = {"tls": 636, "verify_certificate": True, "nodes": [HQ]}
    base = config(place.folder)
    return base | {
        "certificates": base["certificates"] | {"pbxs_ca": str(place.folder / "ca.pem")},
        "listen": base["listen"] | {"ldap": {"plain": 389, "tls": 636, "legacy_tls": legacy}},
        "access_log": {"forwarded": False},
        "pbxs": {
            "hq": {"names": ["example.com"], "nodes": [HQ], "ldap": ldap},
            "branch": {"names": ["branch.example"], "nodes": [BRANCH], "ldap": {**ldap, "nodes": [HQ]}},
        },
    }


def old_phone(place: Directories) -> str:
    """What a phone that knows TLS 1.0 only speaks with the edge after its bind was taken. Raises OSError: nothing."""
    context = ssl.create_default_context(cafile=str(place.folder / "ca.pem"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    plain = place.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM)
    plain.settimeout(10)
    plain.connect((EDGE_PUBLIC, 636))
    with context.wrap_socket(plain, server_hostname="edge.example.com") as secure:
        secure.sendall(bind(place.hq.bind_dn, place.hq.password))
        assert b"\x0a\x01\x00" in secure.recv(1000)
        return secure.version() or ""


@pytest.mark.parametrize(("url", "words"), [(SIX, ()), (PLAIN_SIX, ("-ZZ",)), (PLAIN_SIX, ())])
def test_over_ipv6(place: Directories, url: str, words: tuple[str, ...]) -> None:
    done = place.search(url, place.hq, *words, host="phone-six")
    assert done.code == 0, done.err
    assert f"dn: cn=person 7,{place.hq.suffix.dn}" in done.out


def test_a_pbx_is_asked_only_when_its_certificate_is_for_the_domain_of_the_bind(place: Directories) -> None:
    who = ("-H", SECURE, "-D", place.hq.bind_dn, "-w", place.hq.password)
    assert place.client("ldapwhoami", *who).code == 0
    assert (
        place.client("ldapwhoami", "-H", SECURE, "-D", "cn=guest,dc=branch,dc=example", "-w", "x").code == UNAVAILABLE
    )
    place.edge.wait_for_log("event=connect_failed src_ip=203.0.113.77 protocol=ldap name=branch.example")


def test_the_access_log_keeps_what_is_rejected_where_what_is_forwarded_is_switched_off(place: Directories) -> None:
    assert place.search(SECURE, place.hq).code == 0
    assert place.client("ldapwhoami", "-H", SECURE, "-D", "cn=x,dc=nobody,dc=example", "-w", "x").code == INVALID
    place.edge.status()  # what was told before is written by now
    told = {line["result"] for line in place.accesses()}
    assert told == {"rejected"}


def test_old_phones_get_in_where_legacy_tls_is_on_and_only_there(place: Directories) -> None:
    with pytest.raises(OSError, match=r"(?i)alert|version|protocol|reset|eof"):
        old_phone(place)
    assert place.edge.apply(_config(place, legacy=True)).code == 0
    assert old_phone(place) == "TLSv1"
    assert place.search(SECURE, place.hq).code == 0
