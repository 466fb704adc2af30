"""What coturn looks up while it runs: accounts, secrets, peers and quotas, as one document. Pure.

`voxgate.supervise.turn_database` puts it into coturn's SQLite tables. Passwords are in it as keys (RFC 8489, 9.2.2), so
that nobody who reads the file can use them elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING, Final

from voxgate.config.turncheck import allowed_networks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxgate.config.network import IpAddress, IpNetwork
    from voxgate.config.turn import Turn

TABLES: Final = "tables.json"
DATABASE: Final = "users.db"


def tables_of(turn: Turn, credentials: str, realm: str, own: Iterable[IpAddress]) -> bytes:
    """`{"realm", "accounts": {user: key}, "secrets": [text], "peers": ["first-last"], "options": {name:
    number}}`; `own` is in no peers."""
    accounts = turn.accounts if credentials == "accounts" else {}
    secrets = turn.shared_secret if credentials == "rest" else ()
    document = {
        "realm": realm,
        "accounts": {user: key_of(user, realm, password.reveal()) for user, password in sorted(accounts.items())},
        "secrets": [secret.reveal() for secret in secrets],
        "peers": list(peers_of(turn, own)),
        "options": {
            "user-quota": turn.quota.per_user,
            "total-quota": turn.quota.total,
            "max-bps": turn.quota.kilobits_per_second * 125,
        },
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def key_of(user: str, realm: str, password: str) -> str:
    """The long-term key as coturn keeps it: MD5 of `user:realm:password`, in hexadecimal digits."""
    return hashlib.md5(f"{user}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def peers_of(turn: Turn, own: Iterable[IpAddress]) -> Iterator[str]:
    """The configured networks as coturn writes ranges, without our own addresses."""
    mine = [ip_network(address) for address in own]
    for network in allowed_networks(turn):
        for part in _without(network, mine):
            yield f"{part.network_address}-{part.broadcast_address}"


def _without(network: IpNetwork, taken: list[IpNetwork]) -> list[IpNetwork]:
    parts = [network]
    for one in taken:
        parts = [left for part in parts for left in _less(part, one)]
    return sorted(parts, key=lambda part: _number(part.network_address))


def _less(network: IpNetwork, one: IpNetwork) -> Iterator[IpNetwork]:
    if network.version != one.version or not network.overlaps(one):
        yield network
    elif network.prefixlen < one.prefixlen:
        # mypy: both are of one version here, which the union does not say.
        yield from network.address_exclude(one)  # type: ignore[arg-type]


def _number(address: IPv4Address | IPv6Address) -> int:
    return int(address)
