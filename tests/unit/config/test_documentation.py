"""The model documents itself, the generated pages are up to date, and the examples and the promised shape load."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from voxgate.config.keys import keys, names_at
from voxgate.config.later import LATER
from voxgate.config.load import Loaded, Source, load, load_sources
from voxgate.config.model import Config
from voxgate.config.schema import json_schema, reference
from voxgate.config.secrets import SecretPlaces

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = sorted((DOCS / "examples").glob("*.yaml"))


def loaded(text: str) -> Loaded:
    return load_sources(
        (Source("f", text),),
        SecretPlaces(
            Path("/nonexistent"),
            {
                "VOXGATE_SECRET_CARRIER": "x",
                "VOXGATE_SECRET_TURN_OFFICE": "correct horse",
                "VOXGATE_SECRET_TURN_REST": "battery staple battery",
            },
        ),
        datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("key", tuple(keys(Config)), ids=lambda key: str(key.path))
def test_every_key_has_its_sentence(key: object) -> None:
    sentence = str(getattr(key, "sentence", ""))
    assert sentence.endswith(".")
    assert sentence[0].isupper() or sentence.startswith("`")


@pytest.mark.parametrize(
    ("page", "text"),
    [("configuration.md", reference()), ("voxgate.schema.json", json_schema())],
    ids=["page", "schema"],
)
def test_the_generated_page_is_up_to_date(page: str, text: str) -> None:
    assert (DOCS / "reference" / page).read_text(encoding="utf-8") == text, "run: make docs"


def test_the_schema_knows_every_key_and_no_other() -> None:
    schema = json.loads(json_schema())
    assert schema["required"] == ["edge", "pbxs"]
    for section in (schema, *(part for part in schema["$defs"].values() if part["type"] == "object")):
        assert section["additionalProperties"] is False or section["title"] == "pbxs"
    assert set(schema["properties"]) == set(names_at(Config, ()))


def test_later_keys_are_not_keys_of_this_version() -> None:
    known = {key.path.replace("<name>", "*") for key in keys(Config)}
    assert not known & set(LATER)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads_without_a_word(path: Path) -> None:
    assert load(path).warnings == ()


# The shape that users are promised; `#!` marks the lines of what this version does not serve.
PROMISED = """\
edge:
  domain: proxy.example.com
  interface: eth0
  public_address: 203.0.113.45
  inside_interface: eth1
  local_networks: auto
certificates:
  default:
    acme: {email: ops@example.com}
    names: ["proxy.example.com", "hq.example.com"]
listen:
  sip: {udp: 5060, tcp: 5060, tls: 5061,
        wss: 443}
  http: {plain: 80, tls: 443}
  ldap: {tls: 636}
  h323: {plain: 1720, tls: 1300}
media:
  ports: 10000-20000
  srtp: optional
pbxs:
  hq:
    names: [example.com, hq.example.com, example.com/hq]
    nodes: [172.16.0.10, {address: 172.16.0.11, weight: 50, priority: 2}]
    balance: hash-user
    sip: {udp: 5060}
    h323: {plain: 1720, tls: 1300, check_certificate: true}
    http: {plain: 80, allow_urls: ["/provisioning/"]}
    ldap: {nodes: [172.16.0.90], tls: 636}
    limits: {calls: 60, calls_per_second: 5}
  branch:
    names: [example.com/branch, branch.example.com, voice.branch.example]
    nodes: [172.16.8.10]
    sip: {tcp: 5080}
    forwards: [{udp: 4569, note: IAX}, {tcp: 20149, to: 22, note: SFTP}]
trunks:
  carrier:
    addresses: [198.51.100.7]
    register: {server: sip.carrier.example, user: "0555159400", password: !secret carrier}
    srtp: off
    dids:
      "05551594XX": hq
      "0555200X.": branch
    pbxs: [hq, branch]
turn:
  port: 3478
  tls_port: 5349
  accounts: {office: !secret turn-office}
  shared_secret: !secret turn-rest
guard:
  suspicious_per_minute: 20
admin:
  listen: 127.0.0.1:8440
"""


def test_every_promised_key_is_served() -> None:
    assert "#! " not in PROMISED
    assert loaded(PROMISED).config.admin is not None


def test_the_rest_of_the_promised_shape_loads() -> None:
    served = PROMISED[: PROMISED.index("guard:")]
    lines = [line for line in served.splitlines() if "#! " not in line]
    config = loaded("\n".join(lines)).config
    assert config.pbxs["hq"].names == ("example.com", "hq.example.com", "example.com/hq")
    assert [node.weight for node in config.pbxs["hq"].nodes] == [50, 50]
    assert config.pbxs["branch"].sip.tcp == 5080
    assert config.pbxs["branch"].sip.udp is None
    assert config.trunks["carrier"].dids["0555200X."].pbx == "branch"
    default = config.certificates.default
    assert default is not None
    assert default.acme is not None
    assert (default.acme.email, default.names) == ("ops@example.com", ("proxy.example.com", "hq.example.com"))
    assert (config.listen.sip.tls, config.listen.sip.wss) == (5061, 443)
    assert config.turn is not None
    assert (config.turn.tls_port, set(config.turn.accounts)) == (5349, {"office"})
