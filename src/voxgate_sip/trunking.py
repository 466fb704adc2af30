"""Carries out calls from and to trunks: one attempt after the other, each dressed for where it goes.

PBXs and trunks of one call may be on different sides and transports. So what depends on the way (Record-Route, media,
headers for the receiver) is done in the branch route, where it holds for one attempt alone. The transaction remembers
all attempts in `CHAIN`, for the failure route and for whoever writes call records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.events import plain
from voxgate_sip.legs import bracketed
from voxgate_sip.media import NotAcceptableError
from voxgate_sip.replies import FROM_HIDDEN, FROM_PBX, FROM_PHONE, TO_HIDDEN
from voxgate_sip.trunks import NUMBER, TRUNK_HEADER, FromTrunk, Hop, ToTrunk, rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from voxgate_sip.events import Refusals
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.media import Media
    from voxgate_sip.policy import Node, Pbx
    from voxgate_sip.route import Request, Router

    #: PBX, nodes, user to hash, URIs tried -> a node that can be used.
    Choose: TypeAlias = Callable[[Pbx, tuple[Node, ...], str, list[str]], Node | None]

#: Where a transaction remembers its `Chain`.
CHAIN: Final = "$avp(voxgate_chain)"


class Chain(NamedTuple):
    """What a transaction must remember. `way` is in or out, `owner` the trunk of a call in and the PBX of a call out.

    `came` is the caller's side and transport; `targets` are names of PBXs or trunks in the order in which they are
    tried; `hidden` is empty where the provider may see the PBX; `tried` holds one (target, URI, outcome) for each
    attempt, the outcome being empty while it lasts.
    """

    way: str
    owner: str
    number: str
    user: str
    source: str
    came: str
    method: str
    hidden: str
    targets: tuple[str, ...]
    tried: tuple[tuple[str, str, str], ...] = ()

    def text(self) -> str:
        """As lines: no value holds a line end, because `message.Reader` refuses those."""
        attempts = ("\t".join(attempt) for attempt in self.tried)
        return "\n".join((*self[:8], " ".join(self.targets), *attempts))

    def ended(self, outcome: str) -> Chain:
        """The same after the outcome of its last attempt."""
        *before, (target, uri, _) = self.tried
        return self._replace(tried=(*before, (target, uri, outcome)))


def chain_of(text: str) -> Chain:
    """The chain that `Chain.text` wrote."""
    way, owner, number, user, source, came, method, hidden, targets, *tried = text.split("\n")
    attempts = []
    for line in tried:
        target, uri, outcome = line.split("\t")
        attempts.append((target, uri, outcome))
    return Chain(way, owner, number, user, source, came, method, hidden, tuple(targets.split(" ")), tuple(attempts))


class Attempt(NamedTuple):
    """One way to go: `uri` is the request URI, `hop` where it is sent."""

    target: str
    uri: str
    hop: Node | Hop
    timeout_ms: int


class Trunking:
    """For one policy generation; only made where there are trunks."""

    def __init__(
        self, ksr: Ksr, router: Router, legs: Legs, media: Media | None, refusals: Refusals, *, hider: Hider
    ) -> None:
        self._ksr = ksr
        self._router = router
        self._legs = legs
        self._media = media
        self._refusals = refusals
        self._hider = hider
        #: The attempt that is being sent, for the branch route.
        self._now: tuple[Chain, Leg] | None = None
        #: Why media cannot be had.
        self._deaf = ""

    def perform(self, request: Request, decision: FromTrunk | ToTrunk, choose: Choose) -> None:
        """Send the current request where it was decided."""
        ksr = self._ksr
        if request.has_route:
            ksr.hdr.remove("Route")
        ksr.hdr.remove(TRUNK_HEADER)
        if isinstance(decision, FromTrunk):
            way, owner, targets = "in", decision.trunk.name, decision.did.pbxs
            side = self._router.side_of(request.source)
            hidden = any(self._hider.hides(node.address, side) for node in self._nodes(targets))
            ksr.nathelper.set_contact_alias_trim()
        else:
            way, owner, targets = "out", decision.pbx, tuple(trunk.name for trunk in decision.trunks)
            sides = {hop.side for trunk in decision.trunks for hop in trunk.hops}
            hidden = any(self._hider.hides(request.source, side) for side in sides)
        came = f"{self._router.side_of(request.source)}{request.proto}"
        chain = Chain(
            way, owner, decision.number, request.user, request.source, came, request.method, "1"[:hidden], targets
        )
        if ksr.tm.t_newtran() <= 0:
            # A copy: the transaction has sent its last answer again.
            return
        if not self._on(chain, choose, silent=True, code=0):
            reason = self._deaf or ("no-node-answers" if way == "in" else "no-trunk-answers")
            if self._deaf in {"", "no-media-relay"}:
                ksr.tm.t_reply(503, "Service Unavailable")
            else:
                ksr.tm.t_reply(488, "Not Acceptable Here")
            self._refusals.note(reason, request.source, request.proto, request.method, request.ruri_host)

    def next(self, choose: Choose, *, silent: bool, code: int) -> bool:
        """In the failure route: go on where that is declared; False when the failure stays as it is."""
        text = str(self._ksr.pv.get(CHAIN) or "")
        if not text:
            return False
        chain = chain_of(text).ended("timeout" if silent else str(code))
        self._ksr.pv.sets(CHAIN, chain.text())
        target, uri, outcome = chain.tried[-1]
        self._ksr.notice(
            f"event=trunk_attempt_failed way={chain.way} owner={chain.owner} target={target} uri={uri} "
            f"outcome={outcome} attempt={len(chain.tried)} number={plain(chain.number)}\n"
        )
        if silent:
            self._ksr.htable.sht_setxi("shunned", uri, 1, self._router.policy.shun_s)
        return self._on(chain, choose, silent=silent, code=code)

    def branch(self) -> None:
        """The branch route: what holds for this attempt alone."""
        if self._now is None:
            return
        chain, leg = self._now
        ksr = self._ksr
        if chain.method == "INVITE":
            ksr.rr.record_route_preset_one(f"{leg.own};e={chain.came}")
        if chain.way == "in":
            ksr.hdr.append(f"{TRUNK_HEADER}: {chain.owner}\r\n")
        shape = self._shape(chain)
        if self._media:
            try:
                shape += self._media.request(chain.method, chain.source, chain.came[2:], leg)
            except (ConnectionError, NotAcceptableError) as error:
                self._deaf = str(error) or "no-media-relay"
                ksr.set_drop()
        if shape:
            ksr.tm.t_on_reply(shape)
        if chain.way == "out" and chain.hidden:
            self._hider.cover(chain.method, leg)

    @staticmethod
    def _shape(chain: Chain) -> str:
        """The callback for replies, without what media adds to its name."""
        if chain.way == "in":
            return (FROM_HIDDEN if chain.hidden else FROM_PBX).get(chain.method, "")
        return TO_HIDDEN if chain.hidden else FROM_PHONE.get(chain.method, "")

    def _nodes(self, pbxs: tuple[str, ...]) -> Iterator[Node]:
        for name in pbxs:
            if pbx := self._router.policy.pbxs.get(name):
                yield from (*pbx.plain, *pbx.secure)

    # -- attempts ----------------------------------------------------------------------------------

    def _on(self, chain: Chain, choose: Choose, *, silent: bool, code: int) -> bool:
        """Relay to the next target that can be tried; False when there is none."""
        self._deaf = ""
        while attempt := next(self._attempts(chain, choose, silent=silent, code=code), None):
            chain = chain._replace(tried=(*chain.tried, (attempt.target, attempt.hop.uri, "")))
            if self._send(chain, attempt):
                return True
            if self._deaf:
                return False
            chain, silent = chain.ended("unreachable"), True
        return False

    def _send(self, chain: Chain, attempt: Attempt) -> bool:
        ksr, leg = self._ksr, self._leg(attempt)
        ksr.pv.sets(CHAIN, chain.text())
        ksr.pv.sets("$ru", attempt.uri)
        # In a failure route only an assignment to $du makes a new branch; setdsturi does not.
        ksr.pv.sets("$du", attempt.hop.uri)
        self._legs.dress(leg)
        ksr.tm.t_set_fr(0, attempt.timeout_ms)
        ksr.tm.t_on_branch("ksr_trunk_branch")
        ksr.tm.t_on_failure("ksr_failure")
        self._now = chain, leg
        try:
            return ksr.tm.t_relay() > 0
        finally:
            self._now = None

    def _leg(self, attempt: Attempt) -> Leg:
        policy = self._router.policy
        party = policy.pbxs.get(attempt.target) or policy.trunks[attempt.target]
        return self._legs.to(attempt.hop.side, attempt.hop.proto)._replace(srtp=party.srtp)

    def _attempts(self, chain: Chain, choose: Choose, *, silent: bool, code: int) -> Iterator[Attempt]:
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
        number = rewritten(chain.number, trunk.rules_out)
        tried = {uri for _, uri, _ in chain.tried}
        for hop in trunk.hops:
            if (
                NUMBER.fullmatch(number)
                and hop.uri not in tried
                and self._ksr.dispatcher.ds_is_active_uri(trunk.group, hop.uri) > 0
            ):
                yield Attempt(name, f"sip:{number}@{trunk.host}", hop, trunk.timeout_ms)


def _name(domains: dict[str, str], pbx: Pbx, node: Node) -> str:
    """The SIP domain that the PBX knows itself by."""
    return next((domain for domain, owner in domains.items() if owner == pbx.name), bracketed(node.address))
