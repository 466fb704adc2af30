"""Who may go where: requests and policy in, decisions out. Pure; time and randomness are arguments.

Requests and decisions are named tuples, which are as frozen as frozen dataclasses and made in a quarter of the time.

The rules, in the order in which they are asked:

1. From a PBX (source address and transport are a node's): out to a phone along the Path that the phone
   registered with, to another PBX by its SIP domain, or to a trunk by the edge's or the trunk's own name. Nothing
   else: the edge is no open relay, and it never relays to a host name taken from a packet, because DNS would
   block a worker.
2. From a trunk (its source address is a provider's): to the PBX that its number belongs to. Nothing else; and only
   PBXs reach a trunk, the ones that may use it.
3. From anyone else: to the PBX that owns the domain of the request URI, or, where that is only the edge's own
   name or address, the domain of From. An unknown domain gets silence.
4. Inside a dialog the route set decides, and the next hop must be a PBX for everyone but PBXs: route
   headers from outside can be forged.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from voxgate_sip.certificates import is_of
from voxgate_sip.destinations import FromTrunk, Refusal, ToTrunk, Trunks
from voxgate_sip.trunks import REGISTRAR

if TYPE_CHECKING:
    from voxgate_sip.destinations import Registered
    from voxgate_sip.policy import Node, Pbx, Policy
    from voxgate_sip.trunks import Trunk

#: How many source addresses the side of which a worker remembers, before it forgets them all.
SIDE_CACHE_SIZE: Final = 4096
#: `Request.routes` where neither header is there.
NO_ROUTES: Final = "0 0"
_ENCRYPTED: Final = frozenset({"tls", "ws"})


class Request(NamedTuple):
    """What decides about a request outside of a dialog.

    Hosts are in lower case, addresses without brackets, `proto` is udp, tcp, tls or ws.

    `user` is whose registration and calls shall meet on one node: To's in REGISTER, From's elsewhere.
    `routes`: how often Route stands in it, and how often Record-Route; `NO_ROUTES` in almost all.
    `certificate` holds the names of a valid client certificate, where a PBX wants them looked at; `account` is what a
    provider's request is for, where PBXs have accounts of their own. `agent` is the head of User-Agent.
    `shunning`: whether nodes may be put aside because they failed a request of late. `caller` is how the edge reaches
    whoever sent this: flow, Contact, Record-Routes, one a line; empty where nobody keeps it. `body` is its length.
    """

    method: str
    source: str
    proto: str
    received_on: str
    ruri_host: str
    ruri_user: str
    from_host: str
    user: str
    routes: str
    to_user: str = ""
    certificate: frozenset[str] = frozenset()
    agent: str = ""
    account: Registered | None = None
    shunning: bool = True
    caller: str = ""
    body: str = "0"

    @property
    def has_route(self) -> bool:
        """Whether it says by itself which way to go."""
        return not self.routes.startswith("0")

    @property
    def recorded(self) -> bool:
        """Whether proxies have written themselves into its Record-Route."""
        return not self.routes.endswith(" 0")


class Ignore(NamedTuple):
    """No answer at all; `reason` is counted and logged where it is not empty."""

    reason: str


class Answer(NamedTuple):
    """The edge answers by itself. `reason` is logged where it is not empty."""

    code: int
    phrase: str
    reason: str = ""


class ToPbx(NamedTuple):
    """To a node of `pbx`, one of `nodes`."""

    pbx: Pbx
    nodes: tuple[Node, ...]


class ToPhone(NamedTuple):
    """From a PBX along the preloaded route (RFC 3327 section 5.2), to a phone's own flow."""


Decision: TypeAlias = Ignore | Answer | ToPbx | ToPhone | FromTrunk | ToTrunk


class ForbiddenError(Exception):
    """A request may not go where its route set leads; the argument is the reason that is counted and logged."""

    answer: tuple[int, str] = (403, "Forbidden")


class FlowGoneError(ForbiddenError):
    """The connection to the next hop is gone, and only the other side can make another (RFC 5626 section 5.3)."""

    answer: tuple[int, str] = (430, "Flow Failed")


#: The ACK of a request that the edge refused by itself: it has no transaction, and nobody is to blame.
IGNORED_ACK: Final = Ignore("")


class Router:
    """`Policy` with what is derived from it once: parsed networks, and a bounded memory of sides."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._local = tuple(ipaddress.ip_network(network) for network in policy.local)
        self._sides: dict[str, str] = {}
        self._pbx_protos, self._served = policy.pbx_protos, policy.served
        to = {name: self._target(pbx, secure=False) for name, pbx in policy.pbxs.items()}
        #: SIP domain -> what happens to a phone's request for it that came without encryption.
        self._plain_ways = {domain: to[owner] for domain, owner in policy.domains.items()}
        #: None where there are none, so that they cost nothing.
        self.trunks = Trunks(policy.trunks, policy.own) if policy.trunks else None
        self._pbx_sides = {
            (node.address, node.port): node.side for pbx in policy.pbxs.values() for node in (*pbx.plain, *pbx.secure)
        }
        self._callers = {
            address: frozenset(
                pbx.name
                for pbx in policy.pbxs.values()
                for node in (*pbx.plain, *pbx.secure)
                if node.address == address
            )
            for address in (policy.pbx_protos if policy.trunks else ())
        }

    def side_of(self, address: str) -> str:
        """The side on which `address` is, as one of `policy.SIDES`. Raises ValueError when it is no address."""
        side = self._sides.get(address)
        if side is None:
            parsed = ipaddress.ip_address(address)
            inside = any(parsed.version == net.version and parsed in net for net in self._local)
            side = f"{'i' if inside else 'o'}{parsed.version}"
            if len(self._sides) >= SIDE_CACHE_SIZE:
                self._sides.clear()
            self._sides[address] = side
        return side

    def is_pbx(self, address: str, proto: str, received_on: str) -> bool:
        """Whether requests from `address` are a PBX's: known address and transport, and on the side's own socket."""
        protos = self.policy.pbx_protos.get(address)
        if protos is None or proto not in protos:
            return False
        return self._on_its_side(address, received_on)

    def is_trunk(self, address: str, proto: str, received_on: str) -> bool:
        """Whether requests from `address` are a trunk's, by the same measure."""
        trunks = self.trunks
        return trunks is not None and trunks.comes_from(address, proto) and self._on_its_side(address, received_on)

    def trunk_at(self, address: str) -> Trunk | None:
        """The trunk whose address this is; of several, the first."""
        found = self.trunks.at(address) if self.trunks else ()
        return found[0] if found else None

    def _on_its_side(self, address: str, received_on: str) -> bool:
        view = self.policy.sides.get(self.side_of(address))
        return view is not None and view.local == received_on

    def decide(self, request: Request) -> Decision:
        """What happens to `request`. CANCEL never comes here: it belongs to a transaction."""
        if self.trunks or request.source in self._pbx_protos:
            known = self._from_known(request)
            if known is not None:
                return known
        if request.proto not in self._served:
            return Ignore("transport-not-served")
        if request.method == "ACK":
            return IGNORED_ACK
        return self._to_pbx(request)

    def _from_known(self, request: Request) -> Decision | None:
        """The decision about a request of a PBX or a trunk; None about anybody else's."""
        # From this machine itself: the kernel drops what comes from elsewhere with our own address.
        if self.trunks and request.ruri_host == REGISTRAR and request.source == request.received_on:
            return self._of_trunks(self.trunks.registration(request))
        if self.is_pbx(request.source, request.proto, request.received_on):
            return self._from_pbx(request)
        if self.trunks and self.is_trunk(request.source, request.proto, request.received_on):
            return IGNORED_ACK if request.method == "ACK" else self._of_trunks(self.trunks.inbound(request))
        return None

    def _from_pbx(self, request: Request) -> Decision:
        if request.method == "ACK":
            return IGNORED_ACK
        if self.trunks and (verdict := self.trunks.outbound(request, self._callers[request.source])):
            return self._of_trunks(verdict)
        owner = self.policy.domains.get(request.ruri_host)
        if owner is not None:
            return self._target(self.policy.pbxs[owner], secure=request.proto in _ENCRYPTED)
        if request.method == "OPTIONS" and not request.ruri_user and request.ruri_host in self.policy.own:
            return Answer(200, "OK")
        return ToPhone()

    def _to_pbx(self, request: Request) -> Decision:
        way = self._plain_ways.get(request.ruri_host)
        if way is None and request.ruri_host in self.policy.own:
            if request.method == "OPTIONS" and request.ruri_host == self.policy.domain:
                return Answer(200, "OK")
            way = self._plain_ways.get(request.from_host)
        if way is None:
            return Ignore("unknown-domain")
        if request.proto not in _ENCRYPTED:
            return way
        pbx, domains = way.pbx, self.policy.domains
        secure = not pbx.check_certificate or is_of(request.user, pbx.name, request.certificate, domains)
        return self._target(pbx, secure=secure)

    @staticmethod
    def _of_trunks(verdict: FromTrunk | ToTrunk | Refusal) -> Decision:
        return Answer(*verdict) if isinstance(verdict, Refusal) else verdict

    @staticmethod
    def _target(pbx: Pbx, *, secure: bool) -> ToPbx:
        """What came `secure` stays TLS where the PBX takes it; otherwise the plain target, if there is one."""
        nodes = pbx.secure if (secure and pbx.secure) or not pbx.plain else pbx.plain
        return ToPbx(pbx, nodes)

    def next_side(self, *, from_pbx: bool, host: str, port: int) -> str:
        """The side of the next hop `host`:`port` of a request. Raises ForbiddenError when it may not go there."""
        side = self._pbx_sides.get((host, port))
        if side is not None:
            return side
        if not from_pbx:
            raise ForbiddenError("next-hop-is-no-pbx")
        try:
            return self.side_of(host)
        except ValueError:
            raise ForbiddenError("next-hop-is-no-address") from None
