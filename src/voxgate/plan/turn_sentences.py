"""Differences of the section `turn` as sentences. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.turn import Turn
from voxgate.engines.coturn import roles
from voxgate.plan.change import ABSENT, Change, Difference, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.config.model import Config


def whole(difference: Difference) -> Change:
    """The server comes or goes."""
    if isinstance(difference.new, Turn):
        kinds = {"accounts": "accounts", "rest": "time-limited credentials", "none": "STUN only"}
        served = "; ".join(f"{kinds[role.credentials]} on port {role.port}" for role in roles(difference.new))
        return Change(Kind.ADD, "turn", f"serves STUN and TURN: {served}")
    return Change(Kind.REMOVE, "turn", "no longer serves STUN and TURN")


def account(difference: Difference) -> Change:
    """Accounts change without a restart; who is connected stays so."""
    user = difference.key[-1]
    if difference.old is ABSENT:
        return Change(Kind.ADD, difference.dotted, f"TURN: adds account {user}")
    if difference.new is ABSENT:
        gone = f"TURN: removes account {user}: no new allocations, those it has go on"
        return Change(Kind.REMOVE, difference.dotted, gone)
    return Change(Kind.CHANGE, difference.dotted, f"TURN: account {user} has another password, allocations go on")


def secrets(difference: Difference) -> Change:
    """The secrets themselves are never shown."""
    counts = [len(side) if isinstance(side, tuple) else 0 for side in (difference.old, difference.new)]
    told = f"TURN: secrets of time-limited credentials change ({counts[0]} -> {counts[1]}), allocations go on"
    return Change(Kind.CHANGE, difference.dotted, told)


def moves(before: Config, after: Config) -> Iterator[Change]:
    """Time-limited credentials get a port of their own when accounts come, and give it up when these go."""
    if before.turn is None or after.turn is None:
        return
    old, new = ({role.credentials: role.port for role in roles(turn)} for turn in (before.turn, after.turn))
    if "rest" in old and "rest" in new and old["rest"] != new["rest"]:
        told = f"TURN: time-limited credentials move from port {old['rest']} to port {new['rest']}"
        yield Change(Kind.CHANGE, "turn.rest_port", told)


#: Key -> how it is told, beside those that `sentences` tells by a name for people.
TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    (("turn",), whole),
    (("turn", "accounts", "*"), account),
    (("turn", "shared_secret"), secrets),
)

#: Keys that are told by old and new value, under a name for people.
NAMED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("turn", "port"), "TURN: its port"),
    (("turn", "tls_port"), "TURN: its port for TLS"),
    (("turn", "rest_port"), "TURN: port for time-limited credentials"),
    (("turn", "rest_tls_port"), "TURN: port for time-limited credentials over TLS"),
    (("turn", "credential_seconds"), "TURN: seconds that credentials are good for"),
    (("turn", "relay_ports"), "TURN: ports of the relay"),
    (("turn", "peers"), "TURN: networks that may be reached"),
    (("turn", "quota", "per_user"), "TURN: allocations of one user"),
    (("turn", "quota", "total"), "TURN: allocations altogether"),
    (("turn", "quota", "kilobits_per_second"), "TURN: bandwidth of an allocation, kbit/s"),
    (("turn", "second_address"), "TURN: second address, for finding out kinds of NAT"),
)
