"""Trunks as values, and what is decided about their calls: whose request it is, where a number leads. Pure.

A call from a trunk goes to the PBX that its number belongs to, or nowhere. A call of a PBX goes to the trunks that
serve this PBX and this number, the longest prefix first. Nobody else reaches a trunk.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from voxgate_sip.route import Request

#: What a number may consist of; everything else never becomes part of a request URI of ours.
NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")
#: Tells a PBX by which trunk a call came; only the edge writes it.
TRUNK_HEADER: Final = "X-Voxgate-Trunk"
#: Host in the request URI of the edge's own REGISTER on its way through Kamailio; the user is the trunk's name.
REGISTRAR: Final = "trunk.invalid"
#: What a trunk may ask for outside of a dialog.
METHODS: Final = frozenset({"INVITE", "MESSAGE"})
_MOST_ADDRESSES: Final = 4096


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
    the PBX's. `asserted` and `preferred` are keep, from, account or remove; `diversion` is keep, remove or history.
    `private`: the edge itself withholds who wants to stay unknown. `trusted`: what the provider says of a caller
    reaches the PBX.
    """

    account: str
    fixed: bool
    domain: str
    asserted: str
    preferred: str
    diversion: str
    private: bool
    trusted: bool


@dataclass(frozen=True, slots=True)
class Own:
    """The edge as one provider sees it: our `port` for it, 0 for the usual one; our `name` instead of an address; the

    TLS profile `profile` of connections that we open, and the `server_name` that they ask for. Empty: not said.
    """

    port: int = 0
    name: str = ""
    profile: str = ""
    server_name: str = ""


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


class FromTrunk(NamedTuple):
    """To the PBXs of `did`, as `number`."""

    trunk: Trunk
    did: Did
    number: str


class ToTrunk(NamedTuple):
    """From the PBX `pbx` to the first of `trunks` that takes it; `number` as the PBX wrote it."""

    pbx: str
    trunks: tuple[Trunk, ...]
    number: str


class Refusal(NamedTuple):
    """The edge answers with `code`; `reason` is counted and logged where it is not empty."""

    code: int
    phrase: str
    reason: str = ""


Verdict: TypeAlias = FromTrunk | ToTrunk | Refusal


class Trunks:
    """All trunks of one policy with what is derived from them once."""

    def __init__(self, trunks: Mapping[str, Trunk], own: frozenset[str]) -> None:
        self._trunks = tuple(sorted(trunks.values(), key=lambda trunk: trunk.rank))
        self._networks = [(ipaddress.ip_network(net), trunk) for trunk in self._trunks for net in trunk.sources]
        self._hosts = own | {trunk.server for trunk in self._trunks if trunk.server}
        self._own = own
        self._at: dict[str, tuple[Trunk, ...]] = {}
        self._dids = {trunk.name: tuple((re.compile(did.pattern), did) for did in trunk.dids) for trunk in self._trunks}

    def at(self, address: str) -> tuple[Trunk, ...]:
        """The trunks whose requests come from `address`."""
        found = self._at.get(address)
        if found is None:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:
                return ()
            matching = {trunk.name: trunk for net, trunk in self._networks if parsed in net}
            found = tuple(matching.values())
            if len(self._at) >= _MOST_ADDRESSES:
                self._at.clear()
            self._at[address] = found
        return found

    def comes_from(self, address: str, proto: str) -> bool:
        """Whether requests from `address` by this transport are a trunk's."""
        return any(proto in trunk.protos for trunk in self.at(address))

    def trusts(self, address: str) -> bool:
        """Whether a provider at `address` is believed who a caller is (RFC 3325 section 5)."""
        return all(trunk.caller is None or trunk.caller.trusted for trunk in self.at(address))

    def inbound(self, request: Request) -> Verdict:
        """Where a request of a trunk goes."""
        if request.method == "OPTIONS":
            return Refusal(200, "OK")
        if request.method not in METHODS:
            return Refusal(405, "Method Not Allowed", "method-not-for-trunks")
        for trunk in self.at(request.source):
            # A provider that writes our Contact into the request URI may tell the number in To alone.
            ours = trunk.account and request.ruri_user == trunk.account
            for dialled in (request.to_user, request.ruri_user) if ours else (request.ruri_user,):
                if not NUMBER.fullmatch(dialled):
                    continue
                number = rewritten(dialled, trunk.rules_in)
                did = next((did for pattern, did in self._dids[trunk.name] if pattern.fullmatch(number)), None)
                if did is not None:
                    return FromTrunk(trunk, did, number)
        return Refusal(404, "Not Found", "number-not-in-dids")

    def registration(self, request: Request) -> Verdict:
        """Where the control plane's own REGISTER goes, which names the trunk in its request URI."""
        for trunk in self._trunks:
            if request.method == "REGISTER" and request.ruri_user == trunk.name:
                return ToTrunk("edge", (trunk,), "")
        return Refusal(404, "Not Found")

    def outbound(self, request: Request, callers: frozenset[str]) -> Verdict | None:
        """Where a PBX's request goes that names the edge or a trunk; None when it is not for a trunk.

        `callers` are the PBXs at the request's source.
        """
        if request.method not in METHODS or request.has_route or request.ruri_host not in self._hosts:
            return None
        allowed = [
            trunk
            for trunk in self._trunks
            if trunk.pbxs & callers and (request.ruri_host in self._own or trunk.server == request.ruri_host)
        ]
        if not allowed:
            return Refusal(403, "Forbidden", "pbx-may-not-use-trunk")
        number = request.ruri_user
        fitting = [(length, trunk) for trunk in allowed if (length := _prefix(trunk, number)) >= 0]
        if not NUMBER.fullmatch(number) or not fitting:
            return Refusal(404, "Not Found", "no-trunk-for-number")
        ordered = tuple(trunk for _, trunk in sorted(fitting, key=lambda one: (-one[0], one[1].rank)))
        return ToTrunk(min(ordered[0].pbxs & callers), ordered, number)


def _prefix(trunk: Trunk, number: str) -> int:
    """The length of the longest prefix of `trunk` that `number` has; below zero: it serves others."""
    if not trunk.prefixes:
        return 0
    return max((len(prefix) for prefix in trunk.prefixes if number.startswith(prefix)), default=-1)
