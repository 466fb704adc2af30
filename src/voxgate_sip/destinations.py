"""Where the requests of trunks lead, and where those of PBXs that are for trunks. Pure.

A call from a trunk goes to the PBX that its number belongs to, or that has registered at the trunk's provider, or
nowhere. A call of a PBX goes to the trunks that serve this PBX and this number, the longest prefix first. Nobody else
reaches a trunk.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from voxgate_sip.trunks import EDGE, METHODS, NUMBER, Did, Trunk, rewritten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate_sip.route import Request

#: Why a provider's call leads nowhere.
NO_NUMBER: Final = "number-not-in-dids"
_MOST_ADDRESSES: Final = 4096


class Registered(NamedTuple):
    """An account that a PBX has registered at a provider: its node's URI, and its Contact.

    `exact`: the provider calls that Contact, and not merely the account's user.
    """

    pbx: str
    node: str
    uri: str
    exact: bool = False


class FromTrunk(NamedTuple):
    """To the PBXs of `did`, as `number`; to a PBX's own registration: to `node`, and `number` is the request URI."""

    trunk: Trunk
    did: Did
    number: str
    node: str = ""


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
        account = request.account
        if account and account.exact and (found := self._to_account(request, account)):
            return found
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
        if account and (found := self._to_account(request, account)):
            return found
        return Refusal(404, "Not Found", NO_NUMBER)

    def _to_account(self, request: Request, account: Registered) -> FromTrunk | None:
        """To the PBX that has registered, if it may use a trunk at the request's source."""
        for trunk in self.at(request.source):
            if account.pbx in trunk.pbxs and not trunk.account:
                return FromTrunk(trunk, Did("", (account.pbx,), frozenset(), 0), account.uri, account.node)
        return None

    def registration(self, request: Request) -> Verdict:
        """Where the control plane's own REGISTER goes, which names the trunk in its request URI."""
        for trunk in self._trunks:
            if request.method == "REGISTER" and request.ruri_user == trunk.name:
                return ToTrunk(EDGE, (trunk,), "")
        return Refusal(404, "Not Found")

    def outbound(self, request: Request, callers: frozenset[str]) -> Verdict | None:
        """Where a PBX's request goes that names the edge or a trunk; None when it is not for a trunk.

        `callers` are the PBXs at the request's source.
        """
        named = request.ruri_host not in self._own
        # A PBX whose outbound proxy is the edge names it in Route; by the trunk's name it means the trunk all the same.
        if request.ruri_host not in self._hosts or (request.has_route and not named):
            return None
        if request.method == "REGISTER" and named:
            return self._account(request, callers)
        if request.method not in METHODS:
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

    def _account(self, request: Request, callers: frozenset[str]) -> Verdict:
        """Where a PBX registers an account of its own."""
        for trunk in self._trunks:
            if trunk.server == request.ruri_host and trunk.pbxs & callers and not trunk.account:
                return ToTrunk(min(trunk.pbxs & callers), (trunk,), "")
        return Refusal(403, "Forbidden", "pbx-may-not-register-there")


def _prefix(trunk: Trunk, number: str) -> int:
    """The length of the longest prefix of `trunk` that `number` has; below zero: it serves others."""
    if not trunk.prefixes:
        return 0
    return max((len(prefix) for prefix in trunk.prefixes if number.startswith(prefix)), default=-1)
