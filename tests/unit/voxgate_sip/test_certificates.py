"""Whose client certificate it is: names, users, PBXs; and certificates as they come."""

from __future__ import annotations

import tempfile
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.tls import authority
from tests.ksr.fake import FakeKsr
from tests.unit.voxgate_sip.offices import OFFICE, from_pbx, from_phone, policy
from voxgate_sip.certificates import ClientCertificates, alternative_names, is_of
from voxgate_sip.route import Router, ToPbx

DOMAINS = {"pbx.example.com": "office", "also.example.com": "office", "shop.example": "shop"}

NAMES = {
    "user": ("100", True),
    "user-and-domain": ("100@pbx.example.com", True),
    "another-domain-of-the-pbx": ("100@ALSO.example.com", True),
    "uri": ("sip:100@pbx.example.com", True),
    "secure-uri": ("SIPS:100@pbx.example.com", True),
    "another-pbx's-domain": ("100@shop.example", False),
    "unknown-domain": ("100@else.example", False),
    "another-user": ("101", False),
    "a-part": ("1001", False),
    "case": ("Alice", False),
    "another-scheme": ("mailto:100@pbx.example.com", False),
    "nothing": ("", False),
    "nul": ("100\x00.example", False),
}


@pytest.mark.parametrize(("name", "good"), NAMES.values(), ids=NAMES)
def test_a_name_is_a_users_or_not(name: str, good: bool) -> None:
    assert is_of("100", "office", {name, "Desk 7"}, DOMAINS) is good


def test_nobody_has_a_certificate_for_no_user() -> None:
    assert not is_of("", "office", {"", "@pbx.example.com"}, DOMAINS)


def chosen(names: frozenset[str], *, check: bool, proto: str = "tls", phone: bool = True) -> str:
    """The kind of nodes a request goes to."""
    office = replace(OFFICE, check_certificate=check)
    router = Router(policy(pbxs={**policy().pbxs, "office": office}))
    request = from_phone(proto=proto, certificate=names) if phone else from_pbx(proto=proto)
    decision = router.decide(request if phone else request._replace(ruri_host="pbx.example.com"))
    assert isinstance(decision, ToPbx)
    return "secure" if decision.nodes == office.secure else "plain"


def test_tls_stays_tls_for_the_user_of_the_certificate_alone() -> None:
    assert chosen(frozenset({"100"}), check=True) == "secure"
    assert chosen(frozenset({"101"}), check=True) == "plain"
    assert chosen(frozenset(), check=True) == "plain"
    assert chosen(frozenset({"100"}), check=True, proto="udp") == "plain"
    assert chosen(frozenset(), check=False) == "secure"


def test_pbxs_need_no_certificate_among_themselves() -> None:
    assert chosen(frozenset(), check=True, phone=False) == "secure"


def test_all_alternative_names_of_a_user_are_read(tmp_path: Path) -> None:
    names = ("alice", "mail@example.com", "alice@example.com", "sip:alice@example.com", "192.0.2.7")
    made = authority().issue(tmp_path, *names)
    assert alternative_names(made.certificate.read_text()) == names[:4]
    assert alternative_names(made.ca.read_text()) == ()


def test_many_long_names_are_read(tmp_path: Path) -> None:
    names = [f"{'x' * 150}{number}@example.com" for number in range(40)]
    made = authority().issue(tmp_path, "alice", *names)
    assert alternative_names(made.certificate.read_text())[1:] == tuple(names)


@given(st.binary(max_size=60), st.integers(0, 700))
def test_a_damaged_certificate_has_no_names_or_is_refused(noise: bytes, place: int) -> None:
    der = bytearray(GOOD_DER)
    at = place % len(der)
    der[at : at + len(noise)] = noise
    pem = f"-----BEGIN CERTIFICATE-----\n{b64encode(bytes(der)).decode()}\n-----END CERTIFICATE-----\n"
    try:
        names = alternative_names(pem)
    except ValueError:
        return
    assert all(isinstance(name, str) for name in names)


def _good() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pem = authority().issue(Path(folder), "alice", "alice@example.com").certificate.read_text()
    return b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


GOOD_DER = _good()


@pytest.mark.parametrize(
    ("facts", "found"),
    [("1\x1ealice", {"alice"}), ("0\x1ealice", set()), ("<null>\x1e<null>", set()), ("1\x1e<null>", set())],
    ids=["valid", "not-valid", "none", "without-a-common-name"],
)
def test_only_a_valid_certificate_has_names(facts: str, found: set[str]) -> None:
    fake = FakeKsr()
    valid, common = facts.split("\x1e")
    fake.variables |= {"$tls_peer_verified": valid, "$tls_peer_subject_cn": common, "$tls_peer_raw_cert": ""}
    assert ClientCertificates(fake.ksr).names() == found
    fake.variables["$tls_peer_subject_cn"] = b"\xff"
    assert ClientCertificates(fake.ksr).names() == set()
