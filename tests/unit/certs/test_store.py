from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lab import tls
from voxgate.certs.selfsigned import LIFETIME
from voxgate.certs.store import MOST_NAMES, RENEW_BEFORE, shown
from voxgate.config.model import Config
from voxgate.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def config(names: tuple[str, ...] = ("example.com",), **certificates: object) -> Config:
    return Config.model_validate(
        {
            "edge": {"domain": "edge.example.com"},
            "certificates": certificates,
            "pbxs": {"hq": {"names": names, "nodes": ["192.168.1.20"]}},
        }
    )


def given(certificate: Path, key: Path) -> Config:
    return config(default={"certificate": str(certificate), "key": str(key)})


def test_without_files_it_is_self_signed_for_every_name_that_clients_ask_for(tmp_path: Path) -> None:
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
    assert shown(config(), tmp_path, NOW + timedelta(days=700)) == first
    (key,) = tmp_path.rglob("key.pem")
    assert key.stat().st_mode & 0o777 == 0o600


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
    assert (found.names, found.self_signed) == (("edge.example.com",), False)
    assert not (tmp_path / "selfsigned").exists()


def test_an_operators_file_that_is_gone_is_named(tmp_path: Path) -> None:
    identity = tls.authority().issue(tmp_path, "edge.example.com")
    with pytest.raises(HostError, match=r"gone\.key"):
        shown(given(identity.certificate, tmp_path / "gone.key"), tmp_path, NOW)
