"""What a trunk's call can try next: nodes of PBXs, or addresses of providers, one after the other."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.legs import bracketed
from voxgate_sip.trunks import NUMBER, Hop, in_turn, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from voxgate_sip.chain import Chain
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Node, Pbx
    from voxgate_sip.route import Router
    from voxgate_sip.trunks import Trunk

    #: PBX, nodes, user to hash, URIs tried -> a node that can be used.
    Choose: TypeAlias = Callable[[Pbx, tuple[Node, ...], str, list[str]], Node | None]

#: How long the one node may be silent at which a PBX has registered itself with a provider.
REGISTERED_TIMEOUT_MS: Final = 10000


class Attempt(NamedTuple):
    """One way to go: `uri` is the request URI, `hop` where it is sent."""

    target: str
    uri: str
    hop: Node | Hop
    timeout_ms: int


class Attempts:
    """For one policy generation."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._router = router
        self._is_active = ksr.dispatcher.ds_is_active_uri

    def after(self, chain: Chain, choose: Choose, *, silent: bool, code: int) -> Iterator[Attempt]:
        """What can be tried after `code`, or after silence, in order."""
        last = chain.tried[-1][0] if chain.tried else ""
        after = chain.targets.index(last) if last else 0
        for name in chain.targets[after:]:
            found = self._to_pbx if chain.way == "in" else self._to_trunk
            yield from found(chain, name, choose, again=name == last, silent=silent, code=code)

    def _to_pbx(
        self, chain: Chain, name: str, choose: Choose, *, again: bool, silent: bool, code: int
    ) -> Iterator[Attempt]:
        policy = self._router.policy
        pbx, trunk = policy.pbxs.get(name), policy.trunks.get(chain.owner)
        if chain.node:
            for own in (*pbx.plain, *pbx.secure) if pbx and not chain.tried else ():
                if own.uri == chain.node:
                    yield Attempt(name, chain.number, own, REGISTERED_TIMEOUT_MS)
            return
        did = (
            next((did for did in trunk.dids if name in did.pbxs and did.pbxs == chain.targets), None) if trunk else None
        )
        if pbx is None or did is None or not (silent or code in (pbx.codes if again else did.codes)):
            return
        node = choose(pbx, pbx.plain or pbx.secure, chain.user, [uri for _, uri, _ in chain.tried])
        if node:
            yield Attempt(name, f"sip:{chain.number}@{_name(policy.domains, pbx, node)}", node, did.timeout_ms)

    def _to_trunk(
        self, chain: Chain, name: str, _choose: Choose, *, again: bool, silent: bool, code: int
    ) -> Iterator[Attempt]:
        trunk = self._router.policy.trunks.get(name)
        before = self._router.policy.trunks.get(chain.tried[-1][0]) if chain.tried else trunk
        if trunk is None or before is None or not (silent or code in before.codes):
            return
        usable = chain.method == "REGISTER" or NUMBER.fullmatch(rewritten(chain.number, trunk.rules_out))
        tried = {uri for _, uri, _ in chain.tried}
        for hop in in_turn(trunk.hops, random.random):
            if usable and hop.uri not in tried and self._is_up(trunk, hop):
                yield Attempt(name, request_uri(trunk, chain), hop, trunk.timeout_ms)

    def _is_up(self, trunk: Trunk, hop: Hop) -> bool:
        """A provider that is never asked is never known to be down."""
        return not trunk.probe or self._is_active(trunk.group, hop.uri) > 0


def request_uri(trunk: Trunk, chain: Chain) -> str:
    """How a provider is addressed. A PBX's own REGISTER keeps what it wrote, because its credentials name that."""
    if chain.method == "REGISTER":
        return chain.number or f"sip:{trunk.host}"
    return f"sip:{rewritten(chain.number, trunk.rules_out)}@{trunk.host}"


def _name(domains: dict[str, str], pbx: Pbx, node: Node) -> str:
    """The SIP domain that the PBX knows itself by."""
    return next((domain for domain, owner in domains.items() if owner == pbx.name), bracketed(node.address))
