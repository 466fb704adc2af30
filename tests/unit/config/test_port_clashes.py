"""Two services on one TCP port: told with line and key, whichever two they are, but for those that share."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from voxgate.config.load import load
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

DOORS = {
    "sip.tcp": 5060, "sip.tls": 5061, "sip.wss": 8443, "sip.ws": 8080, "http.plain": 80, "http.tls": 443,
    "ldap.plain": 389, "ldap.tls": 636, "h323.plain": 1720, "h323.tls": 1300,
}  # fmt: skip
SHARE = {("sip.wss", "http.tls"), ("sip.ws", "http.plain")}


def problems(folder: Path, ports: dict[str, int]) -> list[tuple[int, str, str]]:
    """Line, key and message of what is said of these ports, one line for each service."""
    lines = ["edge: {domain: edge.example.com}", "listen:"]
    for service in ("sip", "http", "ldap", "h323"):
        keys = [f"{name.partition('.')[2]}: {port}" for name, port in ports.items() if name.startswith(f"{service}.")]
        lines.append(f"  {service}: {{{', '.join(keys)}}}")
    lines.append("pbxs: {hq: {names: [hq.example.com], nodes: [172.16.0.10], sip: {udp: 5060}}}")
    path = folder / "edge.yaml"
    path.write_text("\n".join(lines) + "\n")
    try:
        load(path)
    except ConfigError as error:
        return [(one.line, one.key, one.message) for one in error.problems]
    return []


@pytest.mark.parametrize(("first", "second"), tuple(combinations(DOORS, 2)))
def test_a_port_belongs_to_one_service(tmp_path: Path, first: str, second: str) -> None:
    found = problems(tmp_path, DOORS | {second: DOORS[first]})
    if (first, second) in SHARE:
        assert found == []
        return
    ((line, key, message),) = found
    service = second.partition(".")[0]
    assert (line, key) == (3 + ("sip", "http", "ldap", "h323").index(service), f"listen.{second}")
    assert f"port {DOORS[first]} cannot serve" in message


def test_what_shares_a_port_shares_it_with_nobody_else(tmp_path: Path) -> None:
    found = problems(tmp_path, DOORS | {"sip.wss": 443, "ldap.tls": 443})
    assert [(key, message) for _, key, message in found] == [
        ("listen.ldap.tls", "port 443 cannot serve LDAP and listen.sip.wss both")
    ]
