from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from lab import tls
from voxgate.certs.authority import LIFETIME
from voxgate.certs.store import RENEW_BEFORE, Origin, Shown, Store
from voxgate.config.certificates import MOST_NAMES
from voxgate.config.model import Config
from voxgate.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def config(names: tuple[str, ...] = ("example.com",), **certificates: Any) -> Config:
    return Config.model_validate(
        {
            "edge": {"domain": "edge.example.com"},
            "certificates": certificates,
            "pbxs": {"hq": {"names": names, "nodes": ["192.168.1.20"]}},
        }
    )


def shown(config: Config, folder: Path, now: datetime) -> Shown:
    return Store(folder).shown(config, now)[0]


def given(certificate: Path, key: Path) -> Config:
    return config(default={"certificate": str(certificate), "key": str(key)})


def test_without_files_the_edge_signs_it_itself_for_every_name_that_clients_ask_for(tmp_path: Path) -> None:
    found = shown(config(("zz.example.com", "example.com", "gk.example/berlin")), tmp_path, NOW)
    assert found.names == ("edge.example.com", "example.com", "zz.example.com"), "no gatekeeper IDs"
    assert (found.self_signed, found.expires) == (True, NOW + LIFETIME)
    assert b"PRIVATE KEY" in found.key


@pytest.mark.parametrize(("count", "shown_names"), [(MOST_NAMES - 1, MOST_NAMES), (MOST_NAMES, 1), (10_000, 1)])
def test_more_names_than_clients_take_in_a_certificate_are_left_out(
    tmp_path: Path, count: int, shown_names: int
) -> None:
    found = shown(config(tuple(f"n{n}.example.com" for n in range(count))), tmp_path, NOW)
    assert (found.names[0], len(found.names)) == ("edge.example.com", shown_names)
    assert len(found.certificate) < 100_000


def test_it_is_made_once_and_its_key_is_roots(tmp_path: Path) -> None:
    first = shown(config(), tmp_path, NOW)
    assert shown(config(), tmp_path, NOW + timedelta(days=300)) == first
    keys = [*tmp_path.rglob("key.pem"), *tmp_path.rglob("*.key")]
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600, 0o600]


def test_other_names_leave_the_pair_that_runs_alone(tmp_path: Path) -> None:
    first = shown(config(), tmp_path, NOW)
    assert shown(config(("example.com", "more.example.com")), tmp_path, NOW) != first
    assert shown(config(), tmp_path, NOW) == first


@pytest.mark.parametrize(
    ("before_end", "renewed"),
    [(RENEW_BEFORE + timedelta(days=1), False), (RENEW_BEFORE, True), (timedelta(days=-1), True)],
    ids=["in time", "about to expire", "expired"],
)
def test_it_is_made_again_before_it_expires(tmp_path: Path, before_end: timedelta, renewed: bool) -> None:
    first = shown(config(), tmp_path, NOW)
    later = NOW + LIFETIME - before_end
    assert (shown(config(), tmp_path, later).expires > first.expires) is renewed


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_stored_pair_that_cannot_be_read_is_made_again(tmp_path: Path, content: bytes) -> None:
    shown(config(), tmp_path, NOW)
    (certificate,) = tmp_path.rglob("certificate.pem")
    certificate.write_bytes(content)
    assert shown(config(), tmp_path, NOW).certificate.startswith(b"-----BEGIN CERTIFICATE-----")
    assert certificate.read_bytes() != content


def test_the_operators_files_are_shown_as_they_are(tmp_path: Path) -> None:
    identity = tls.authority().issue(tmp_path, "edge.example.com", "203.0.113.45")
    found = shown(given(identity.certificate, identity.key), tmp_path / "selfsigned", NOW)
    assert (found.certificate, found.key) == (identity.certificate.read_bytes(), identity.key.read_bytes())
    assert (found.names, found.self_signed, found.origin) == (("edge.example.com",), False, Origin.FILE)
    assert not (tmp_path / "selfsigned").exists()


def test_who_trusts_the_edge_once_trusts_every_certificate_it_will_make(tmp_path: Path) -> None:
    made = [shown(config((name,)), tmp_path, NOW) for name in ("one.example.com", "two.example.com")]
    authority = x509.load_pem_x509_certificate(Store(tmp_path).authority_path.read_bytes())
    for one in made:
        leaf, above = x509.load_pem_x509_certificates(one.certificate)
        leaf.verify_directly_issued_by(authority)
        assert above == authority
    assert made[0].key != made[1].key


def test_a_name_longer_than_a_subject_may_be_is_whole_among_the_names(tmp_path: Path) -> None:
    long = "a" * 60 + ".proxy.example.com"  # a common name has 64 characters at most (RFC 5280, ub-common-name)
    assert long in shown(config((long,)), tmp_path, NOW).names


def test_a_chain_in_any_order_is_shown_in_order(tmp_path: Path) -> None:
    identity = tls.authority().issue(tmp_path, "edge.example.com")
    right = identity.certificate.read_bytes() + identity.ca.read_bytes()
    identity.certificate.write_bytes(identity.ca.read_bytes() + identity.certificate.read_bytes())
    assert shown(given(identity.certificate, identity.key), tmp_path, NOW).certificate == right


def test_other_certificates_are_shown_for_their_names_and_the_default_needs_these_no_more(tmp_path: Path) -> None:
    wanted = config(("example.com", "shop.example.com"), others={"shop": {"names": ["shop.example.com", "*.shop.org"]}})
    default, other = Store(tmp_path).shown(wanted, NOW)
    assert (default.asked, default.names) == ((), ("edge.example.com", "example.com"))
    assert other.asked == other.names == ("shop.example.com", "*.shop.org")


ACME: dict[str, Any] = {"default": {"acme": {"email": "ops@example.com"}}}


def test_until_acme_has_signed_the_edge_shows_its_own(tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), config(**ACME)
    before = store.shown(wanted, NOW)[0]
    identity = tls.authority().issue(tmp_path, "edge.example.com")
    pair = identity.certificate.read_bytes(), identity.key.read_bytes()
    first = store.shelf.put("default", *pair, ("edge.example.com",), "https://ca.example/dir")
    after = store.shown(wanted, NOW)[0]
    assert (before.origin, after.origin, after.certificate) == (Origin.OWN, Origin.ACME, pair[0])
    store.shelf.show("default", None)
    assert store.shown(wanted, NOW)[0] == before
    store.shelf.show("default", first.number)
    assert store.shown(wanted, NOW)[0] == after


def test_what_somebody_broke_on_the_shelf_is_not_shown(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.shelf.put("default", b"garbage", b"garbage", ("edge.example.com",), "https://ca.example/dir")
    assert store.shown(config(**ACME), NOW)[0].origin is Origin.OWN


def test_an_operators_file_that_is_gone_is_named(tmp_path: Path) -> None:
    identity = tls.authority().issue(tmp_path, "edge.example.com")
    with pytest.raises(HostError, match=r"gone\.key"):
        shown(given(identity.certificate, tmp_path / "gone.key"), tmp_path, NOW)
