from __future__ import annotations

from types import UnionType
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr

from tests.unit.plan.world import desired, edited
from voxgate.config.model import Config
from voxgate.config.secrets import Secret
from voxgate.plan.change import differences
from voxgate.plan.diff import diff
from voxgate.plan.sentences import Names, sentence

#: Another value for every leaf of the model; a new key fails the next test until it is listed here.
OTHER: dict[str, object] = {
    "edge.domain": "other.example.com",
    "edge.interface": "eth9",
    "edge.address": ["192.0.2.1"],
    "edge.public_address": ["192.0.2.2"],
    "edge.inside_interface": "eth8",
    "edge.local_networks": ["10.0.0.0/8"],
    "edge.dns_servers": ["192.0.2.53"],
    "edge.topology_hiding": False,
    "certificates.default": {"certificate": "/a.pem", "key": "/b.pem"},
    "certificates.others.*.certificate": "/a.pem",
    "certificates.others.*.key": "/b.pem",
    "certificates.others.*.acme": {"email": "ops@example.com"},
    "certificates.others.*.names": ["shop.example.com"],
    "certificates.clients_ca": "/ca.pem",
    "certificates.pbxs_ca": "/ca.pem",
    "listen.sip.udp": 15060,
    "listen.sip.tcp": 15060,
    "listen.sip.tls": 15061,
    "listen.sip.wss": 443,
    "listen.sip.ws": 8080,
    "listen.sip.origins": ["crm.example.com"],
    "listen.sip.workers": 9,
    "listen.sip.keepalive_seconds": 0,
    "listen.sip.requester": {"calls": 20},
    "listen.ldap": {"tls": 636},
    "listen.http": {"plain": 80, "tls": 443},
    "media.ports": "30000-40000",
    "media.dscp": 0,
    "media.timeout_seconds": 61,
    "media.hold_timeout_seconds": 3601,
    "media.srtp": "required",
    "health.interval_seconds": 6,
    "health.down_after": 3,
    "health.up_after": 2,
    "pbxs.*.names": ["other.example"],
    "pbxs.*.nodes": [{"address": "172.16.0.10", "weight": 3, "priority": 4}],
    "pbxs.*.balance": "weight",
    "pbxs.*.sip.udp": 5099,
    "pbxs.*.sip.tcp": 5099,
    "pbxs.*.sip.tls": 5099,
    "pbxs.*.sip.check_certificate": True,
    "pbxs.*.ldap": {"plain": 389},
    "pbxs.*.http": {"plain": 80, "allow_urls": ["/PBX0/MY"]},
    "listen.h323": {"plain": 1720},
    "pbxs.*.h323": {"plain": 1720},
    "pbxs.*.forwards": [{"udp": 4569, "note": "IAX"}],
    "pbxs.*.topology_hiding": False,
    "pbxs.*.fraud": {"denied": ["00881"]},
    "pbxs.*.limits": {"calls": 60, "calls_per_second": 5},
    "pbxs.*.failover.timeout_seconds": 9,
    "pbxs.*.failover.codes": [500],
    "pbxs.*.srtp": "optional",
    "access_log.forwarded": False,
    "access_log.rejected": False,
    "access_log.megabytes": 7,
    "trunks.*.addresses": ["198.51.100.9"],
    "trunks.*.server": "sip.carrier.example",
    "trunks.*.outbound_proxy": ["proxy.carrier.example"],
    "trunks.*.ip_version": 6,
    "trunks.*.register": {"user": "u", "password": Secret("x")},
    "trunks.*.transport": "tcp",
    "trunks.*.port": 5099,
    "trunks.*.dids": {"5X": {"pbx": "x", "fallback": ["hq"]}, "7.": {"pbx": "hq"}},
    "trunks.*.pbxs": ["x"],
    "trunks.*.prefixes": ["00"],
    "trunks.*.priority": 9,
    "trunks.*.limits": {"calls": 2},
    "trunks.*.failover.timeout_seconds": 9,
    "trunks.*.failover.codes": [480],
    "trunks.*.numbers.inbound": [{"prefix": "1"}],
    "trunks.*.numbers.outbound": [{"prefix": "1"}],
    "trunks.*.numbers.e164": {"country": "49"},
    "trunks.*.identity.caller": "account",
    "trunks.*.identity.user": "0555",
    "trunks.*.identity.domain": "sip.carrier.example",
    "trunks.*.identity.called": "trunk",
    "trunks.*.identity.asserted": "from",
    "trunks.*.identity.preferred": "account",
    "trunks.*.identity.diversion": "history",
    "trunks.*.identity.privacy": "edge",
    "trunks.*.identity.trust": False,
    "trunks.*.keepalive": False,
    "trunks.*.srtp": "required",
    "trunks.*.source_port": 5072,
    "trunks.*.profile": "address",
    "trunks.*.edge_name": "sbc.example.com",
    "trunks.*.tls": {"server_name": "tls.carrier.example"},
    "trunks.*.topology_hiding": True,
    "turn": {"port": 3479},
    "admin": {"listen": "127.0.0.1:8440"},
    "records.enabled": False,
    "records.keep_days": 7,
    "records.most": 5000,
    "records.json_lines": "/var/log/voxgate/cdr.jsonl",
    "records.push": {"url": "https://cdr.example.com/voxgate"},
    "records.postgresql": {"host": "db.example.com", "database": "voxgate", "user": "edge"},
    "records.trace.enabled": False,
    "records.trace.minutes": 5,
    "records.trace.megabytes": 5,
    "records.trace.messages_per_second": 50,
    "records.trace.homer": {"address": "192.0.2.9"},
    "guard.enabled": False,
    "guard.suspicious_per_minute": 5,
    "guard.blacklist_minutes": 5,
    "guard.repeat.factor": 2,
    "guard.repeat.longest_minutes": 1440,
    "guard.whitelist": ["198.51.100.0/24"],
    "guard.protect_registered": False,
    "guard.ipv4_prefix": 24,
    "guard.ipv6_prefix": 56,
    "guard.firewall": False,
    "guard.weights.unknown_name": 2,
    "guard.weights.not_allowed": 2,
    "guard.weights.network_not_allowed": 2,
    "guard.weights.malformed": 2,
    "guard.weights.bad_tls": 2,
    "guard.weights.old_tls": 2,
    "dns": {"listen": "192.168.1.10"},
    "doctor.every_hours": 6,
    "doctor.after_seconds": 60,
    "doctor.responders": ["probe.example.net"],
    "doctor.stun": "stun.example.net",
    "doctor.resolvers": ["192.0.2.53"],
    "doctor.call": {"to": "600@example.com"},
    "guard.weights.connect_failed": 2,
    "guard.weights.auth_failure": 2,
    "guard.weights.scanner": 2,
    "guard.weights.injection": 2,
    "guard.weights.too_fast": 2,
    "guard.sip.requests_per_second": 10,
    "guard.sip.scanners": False,
    "guard.sip.scanner_agents": ["sipscan"],
    "guard.sip.injections": False,
    "guard.feeds.*.source": "https://lists.example.com/bad.txt",
    "guard.feeds.*.refresh_minutes": 5,
}
#: Names in the place of `*` in the configuration that is changed.
NAMES = {"pbxs": "hq", "trunks": "carrier", "others": "shop", "feeds": "bad"}


def leaves(model: type[BaseModel], key: str = "") -> list[str]:
    """Dotted keys of everything in a model that is not itself a section."""
    found = []
    for name, field in model.model_fields.items():
        inner = _section(field.annotation)
        star = ".*" if name in NAMES else ""
        found += leaves(inner, f"{key}{name}{star}.") if inner else [f"{key}{name}"]
    return found


def _named(path: str) -> str:
    parts = path.split(".")
    return ".".join(NAMES[parts[at - 1]] if part == "*" else part for at, part in enumerate(parts))


def _section(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, UnionType):  # optional, and lists: leaves
        return None
    kinds = [kind for kind in get_args(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return kinds[0] if kinds and str(annotation).startswith("dict") else None


def test_every_key_of_the_model_has_another_value_here() -> None:
    assert set(leaves(Config)) == set(OTHER)


@pytest.mark.parametrize("path", OTHER)
def test_no_change_of_any_key_is_silent(path: str) -> None:
    plan = diff(desired(edited(), 1), desired(edited(_named(path), OTHER[path]), 2))
    assert plan.changes
    assert all(change.sentence for change in plan.changes)
    assert not plan.nothing_to_do


class Later(BaseModel):
    """A section that no sentence knows."""

    account: str = "a"
    password: SecretStr = SecretStr("one")


class Wider(BaseModel):
    """A model with it."""

    trunk: Later = Later()


def test_a_key_without_a_sentence_of_its_own_is_told_by_its_name_and_a_secret_never() -> None:
    after = Wider(trunk=Later(account="b", password=SecretStr("two")))
    told = [sentence(difference, Names({}, {})) for difference in differences(Wider(), after)]
    assert [change.sentence for change in told] == [
        "trunk.account: a -> b",
        "trunk.password: changes (its value is not shown)",
    ]
