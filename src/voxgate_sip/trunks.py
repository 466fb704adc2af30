"""Trunks as values: part of the policy. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a number may consist of; everything else never becomes part of a request URI of ours.
NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")
#: Tells a PBX by which trunk a call came; only the edge writes it.
TRUNK_HEADER: Final = "X-Voxgate-Trunk"
#: Host in the request URI of the edge's own REGISTER on its way through Kamailio; the user is the trunk's name.
REGISTRAR: Final = "trunk.invalid"
#: Stands for the edge itself where otherwise a PBX does; no PBX can have such a name.
EDGE: Final = "(edge)"
#: What a trunk may ask for outside of a dialog.
METHODS: Final = frozenset({"INVITE", "MESSAGE"})


@dataclass(frozen=True, slots=True)
class Hop:
    """One address of a provider. `uri` is what Kamailio relays to and the dispatcher watches.

    Lowest `priority` first; equals take turns by chance, `weight` being their share.
    """

    uri: str
    address: str
    port: int
    proto: str
    side: str
    priority: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A number that starts with `prefix` loses its first `strip` characters and gets `prepend` in front."""

    prefix: str
    strip: int
    prepend: str


@dataclass(frozen=True, slots=True)
class Did:
    """Numbers that lead to the first of `pbxs`, to the next one after an answer in `codes` or `timeout_ms` of silence.

    `pattern` is a regular expression for the whole number.
    """

    pattern: str
    pbxs: tuple[str, ...]
    codes: frozenset[int]
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class CallerId:
    """What one provider is told.

    `account` is the account's URI; `fixed`: it always stands in From; `domain` is the host there otherwise, empty for
    the PBX's. `called`: the number and the provider's host stand in To. `asserted` and `preferred` are keep, from,
    account or remove; `diversion` is keep, remove or history. `private`: the edge itself withholds who wants to stay
    unknown. `trusted`: what the provider says of a caller reaches the PBX.
    """

    account: str
    fixed: bool
    domain: str
    asserted: str
    preferred: str
    diversion: str
    private: bool
    trusted: bool
    called: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """The edge as one provider sees it: our `port` for it, 0 for the usual one; our `name` instead of an address; the

    TLS profile `profile` of connections that we open, and the `server_name` that they ask for. Empty: not said.
    `checked`: who is there must be that one.
    """

    port: int = 0
    name: str = ""
    profile: str = ""
    server_name: str = ""
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Trunk:
    """One provider. `host` stands in request URIs, `server` is the name by which a PBX picks this trunk.

    `sources` are networks in CIDR notation, `dids` stand in the order in which they are asked. `rank` orders trunks
    with an equally long prefix; no prefix serves every number. `group` is its dispatcher set. `account` is the user in
    our Contact where the edge registers; `auth_user` and `password` answer its challenges. `srtp` is off, optional or
    required. `caller` is None where provider and PBX are told of callers what the other one says. `own` is how this
    provider alone sees the edge, None where it is as for everybody else; `hides`: whether it must not see PBXs, None:
    as the PBXs say.
    """

    name: str
    group: int
    host: str
    server: str
    hops: tuple[Hop, ...]
    sources: tuple[str, ...]
    protos: frozenset[str]
    dids: tuple[Did, ...]
    pbxs: frozenset[str]
    prefixes: tuple[str, ...]
    rank: int
    codes: frozenset[int]
    timeout_ms: int
    rules_in: tuple[Rule, ...]
    rules_out: tuple[Rule, ...]
    probe: bool
    account: str
    auth_user: str
    password: str = field(repr=False)
    srtp: str
    caller: CallerId | None = None
    own: Own | None = None
    hides: bool | None = None


def trunk_of(entry: dict[str, Any]) -> Trunk:
    """The trunk in a part of policy.json. Raises ValueError, KeyError or TypeError."""
    for network in entry["sources"]:
        ipaddress.ip_network(network)
    given: dict[str, Any] = {
        **entry,
        "hops": tuple(Hop(**hop) for hop in entry["hops"]),
        "dids": tuple(_did(did) for did in entry["dids"]),
        **{key: tuple(Rule(**rule) for rule in entry[key]) for key in ("rules_in", "rules_out")},
        **{key: frozenset(entry[key]) for key in ("protos", "pbxs", "codes")},
        **{key: tuple(entry[key]) for key in ("sources", "prefixes")},
        "caller": CallerId(**entry["caller"]) if entry.get("caller") else None,
        "own": Own(**entry["own"]) if entry.get("own") else None,
    }
    return Trunk(**given)


def _did(entry: dict[str, Any]) -> Did:
    re.compile(entry["pattern"])
    return Did(entry["pattern"], tuple(entry["pbxs"]), frozenset(entry["codes"]), int(entry["timeout_ms"]))


def rewritten(number: str, rules: tuple[Rule, ...]) -> str:
    """`number` by the first rule whose prefix it has."""
    for rule in rules:
        if number.startswith(rule.prefix):
            return rule.prepend + number[rule.strip :]
    return number


def in_turn(hops: tuple[Hop, ...], draw: Callable[[], float]) -> Iterator[Hop]:
    """`hops` in the order in which they are tried (RFC 2782): equals by chance; `draw` gives a number in [0, 1)."""
    left = list(hops)
    while left:
        best = [hop for hop in left if hop.priority == left[0].priority]
        mark = draw() * sum(hop.weight for hop in best) if len(best) > 1 else 0.0
        hop = best[int(draw() * len(best))] if len(best) > 1 and not any(one.weight for one in best) else best[-1]
        for one in best:
            mark -= one.weight
            if mark < 0:
                hop = one
                break
        yield hop
        left.remove(hop)
