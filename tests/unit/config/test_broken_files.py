"""Files that are wrong: each mistake is named with line, key and advice, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from voxgate.config.load import load
from voxgate.errors import ConfigError

BROKEN = Path(__file__).parent / "broken"

# file -> for each problem: line, key, words of the message, words of the advice
CASES: dict[str, list[tuple[int, str, str, str]]] = {
    "alias": [(4, "pbxs.branch", "aliases", "write the value out")],
    "certificate": [(5, "certificates.default.key", "must be absolute", "/etc/voxgate/tls")],
    "colon": [(2, "(file)", "mapping values are not allowed", "into quotes")],
    "documents": [(2, "(file)", "second document", "remove the `---`")],
    "duplicate-key": [(3, "edge.domain", "appears twice", "line 2")],
    "edge-name": [(3, "pbxs.hq.names[0]", "name of the edge itself", "a name of its own")],
    "empty": [(0, "(file)", "is empty", "voxgate init")],
    "later": [(6, "pbxs.hq.sip.nodes", "not supported by this version", "nodes of the PBX")],
    "forwards": [
        (8, "pbxs.hq.forwards[0].udp", "udp 5060 is that of listen.sip.udp", "another port"),
        (9, "pbxs.hq.forwards[1].tcp", "SSH", "tcp: 20022, to: 22"),
        (10, "pbxs.hq.forwards[2].udp", "udp 19000-20001 is that of media.ports", "another port"),
        (11, "pbxs.hq.forwards[3].to", "a range keeps its ports", "leave `to` out"),
        (12, "pbxs.hq.forwards[4]", "names no port", "udp: 4569"),
        (13, "pbxs.hq.forwards[5].udp", "udp 4569 is that of turn.port", "another port"),
        (15, "pbxs.hq.forwards[7].tcp", "tcp 7001 is that of pbxs.hq.forwards[3]", "another port"),
        (20, "pbxs.branch.forwards[0].tcp", "tcp 6022 is that of pbxs.hq.forwards[6]", "another port"),
        (25, "pbxs.third.forwards.udp", "a port or a range of ports is needed", "30000-30999"),
    ],
    "latin1": [(2, "(file)", "not UTF-8", "save it as UTF-8")],
    "list-for-mapping": [(3, "pbxs", "names with keys", "indented by two spaces")],
    "missing": [
        (1, "edge.domain", "is missing", "add `domain:`"),
        (3, "listen", "has no value", "remove the key"),
        (5, "pbxs.hq.nodes", "is missing", "add `nodes:`"),
    ],
    "name-for-address": [
        (7, "pbxs.hq.nodes[1]", "is a name, not an address", "DNS"),
        (8, "pbxs.hq.nodes[2].address", "has a port", "write 172.16.0.12"),
    ],
    "one-name-two-pbxs": [(7, "pbxs.branch.names[0]", "one-name-two-pbxs.yaml:4", "remove one")],
    "one-node-two-pbxs": [(8, "pbxs.branch.nodes[1]", "one-node-two-pbxs.yaml:3", "a port or address of its own")],
    "ports-collide": [
        (3, "listen.sip.tls", "5061", "5061 as a rule"),
        (3, "listen.sip.udp", "inside media.ports", "move one"),
    ],
    "quoted-port": [
        (4, "listen.sip.udp", "because of the quotes", "write the number without quotes: 5060"),
        (5, "listen.sip.tls", "too large", "65535"),
    ],
    "secret": [
        (1, "edge.domain", "a secret cannot stand here", "write the value itself"),
        (2, "certificates", "!vault", "!secret NAME"),
        (2, "certificates", "keys belong here", "key: value"),
    ],
    "srtp-of-one-node": [
        (8, "pbxs.branch.srtp", "not one of the choices", "off, optional, required"),
        (11, "pbxs.shop.nodes[0]", "srtp off here and required in hq", "the same srtp"),
    ],
    "tab": [(4, "(file)", "tab", "use spaces")],
    "websocket": [
        (6, "listen.sip.wss", "port 443 cannot serve WebSocket and listen.sip.tls both", "on 443 as a rule"),
        (7, "listen.sip.ws", "listen.sip.tcp", "a port of its own"),
    ],
    "turn": [
        (5, "turn.accounts.office", "stands here in plain text", "!secret NAME"),
        (6, "turn.shared_secret", "stands here in plain text", "!secret NAME"),
    ],
    "turn-clash": [
        (7, "turn", "port 3478 is that of listen.sip.udp", "a port of its own"),
        (9, "turn.second_address", "port 5350 is that of listen.ldap.tls", "a port of its own"),
    ],
    "turn-ports": [
        (5, "turn.tls_port", "port 5061 is that of listen.sip.tls", "a port of its own"),
        (6, "turn.relay_ports", "overlap", "a range of its own"),
        (7, "turn.peers[1]", "overlaps 0.0.0.0/8", "the PBXs' own networks"),
        (7, "turn.peers[2]", "overlaps 169.254.0.0/16", "the PBXs' own networks"),
        (8, "turn.second_address", "both IPv4", "one IPv4"),
    ],
    "two-families": [(5, "pbxs.hq.nodes", "nodes with IPv6 addresses", "one IP version")],
    "two-ipv4": [
        (4, "edge.address", "beside edge.interface", "keep address, or keep interface"),
        (5, "edge.public_address", "are both IPv4", "one IPv4"),
    ],
    "unclosed-bracket": [(6, "(file)", "not YAML", "opened on line 5")],
    "unclosed-quote": [(2, "(file)", "quotation mark", "close it")],
    "unknown-key": [
        (3, "edge.public_adress", "not a key", "did you mean `public_address`?"),
        (5, "pbxs.hq.nodes", "is missing", "add `nodes:`"),
        (5, "pbxs.hq.node", "not a key", "did you mean `nodes`?"),
        (6, "gaurd", "not a key", "did you mean `guard`?"),
    ],
    "words": [
        (2, "edge.domain", "has no domain", "proxy.example.com"),
        (3, "edge.topology_hiding", "true or false", "only words"),
        (4, "edge.local_networks[0]", "an address inside a network", "write 192.168.1.0/24"),
        (5, "media.ports", "a range of ports", "10000-20000"),
        (5, "media.dscp", "a whole number", "digits only"),
        (7, "pbxs.HQ", "short name", "lower-case"),
        (8, "pbxs.HQ.names[0]", "wildcard", "every name"),
        (8, "pbxs.HQ.names[1]", "a URI", "example.com"),
        (10, "pbxs.HQ.balance", "not one of the choices", "did you mean `hash-user`?"),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_file_names_every_mistake_with_line_key_and_advice(name: str) -> None:
    path = BROKEN / f"{name}.yaml"
    with pytest.raises(ConfigError) as caught:
        load(path)
    found = caught.value.problems
    assert [(one.file, one.line, one.key) for one in found] == [(str(path), *want[:2]) for want in CASES[name]]
    for problem, (_, _, message, advice) in zip(found, CASES[name], strict=True):
        assert message in problem.message
        assert advice in problem.advice


def test_every_broken_file_has_its_row() -> None:
    assert {path.stem for path in BROKEN.glob("*.yaml")} == set(CASES)
