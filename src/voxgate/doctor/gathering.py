"""Looks at everything that the rules judge. Blocks for some seconds; what can be asked at once is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from voxgate.config.crosscheck import ports_of
from voxgate.config.network import Side, is_private
from voxgate.doctor import asking, calling_out, machine, outside
from voxgate.doctor.allocating import allocations
from voxgate.doctor.calling import call
from voxgate.doctor.facts import Certificate, Edge, Facts, Handshake, Node, Outside, Port, TestCall
from voxgate.doctor.relaying import relays
from voxgate.errors import PeerError
from voxgate.firewall.opening import Way
from voxgate.firewall.openings import openings
from voxgate.names.asking import look_up
from voxgate.names.comparing import asked, compare
from voxgate.names.planning import addresses_of, records
from voxgate.names.record import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from voxgate.firewall.opening import Opening
    from voxgate.names.comparing import Finding as NameFinding
    from voxgate.plan.desired import Desired

_AT_ONCE: Final = 16
_HAIRPIN_S: Final = 2.0
_OUTSIDE: Final = (Side.OUTSIDE4, Side.OUTSIDE6)

#: One port to try: how, where, its purpose.
_Try = tuple[str, "asking.Where", str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator gave beside the configuration: responders, a STUN server, name servers (public view)."""

    responders: tuple[str, ...] = ()
    stun: tuple[str, int] | None = None
    resolvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What the running Voxgate says: `status --json` and `certs verify --json`; `silent`: why nothing."""

    now: datetime
    status: Mapping[str, Any]
    handshakes: Mapping[str, Any]
    silent: str = ""


def gather(desired: Desired, told: Told, wishes: Wishes, state: Path) -> Facts:
    """Everything."""
    tries = tuple(_tries(desired))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        names = pool.submit(_names, desired, wishes)
        hairpin = pool.submit(_hairpin, desired, tries)
        below = pool.submit(machine.look, desired, _pids(told), state)
        nodes = [pool.submit(_node, *one) for one in _nodes(desired)]
        ports = [pool.submit(_port, one, desired.config.edge.domain) for one in tries]
        mapped = pool.submit(_mapped, wishes)
        seen, failed = _from_outside(desired, wishes, tries)
        # Alone: whatever else goes on would be heard in it.
        heard = (tuple(relays(desired)), _called(desired, tries)) if not told.silent else ((), None)
        public, inside = names.result()
        return Facts(
            edge=_edge(desired, told),
            names=public,
            names_inside=inside,
            ports=tuple(one.result() for one in ports) if not told.silent else (),
            allocations=tuple(allocations(desired, told.now.timestamp())) if not told.silent else (),
            relays=heard[0],
            call=heard[1],
            handshakes=tuple(_handshakes(told)),
            certificates=tuple(_certificates(told)),
            nodes=tuple(found for one in nodes if (found := one.result()) is not None),
            hairpin=hairpin.result(),
            mapped=mapped.result(),
            shown=tuple(str(one) for one in addresses_of(desired.network, View.PUBLIC)),
            outside=seen,
            outside_failed=failed,
            machine=below.result(),
        )


def _edge(desired: Desired, told: Told) -> Edge:
    sides = desired.network.sides
    outer = [one for one in sides if one.side in _OUTSIDE]
    inner = next((one for one in sides if one.side is Side.INSIDE4), outer[0] if outer else sides[0])
    media = desired.config.media.ports
    drift = tuple(told.status.get("drift", ()))
    guard: dict[str, object] = next(iter(told.status.get("guard", ())), {})
    return Edge(
        domain=desired.config.edge.domain,
        now=told.now,
        silent=told.silent,
        reasons=tuple(one for one in told.status.get("reasons", ()) if one not in drift and not _known(one)),
        drift=drift,
        # With one public address, phones find a way.
        private=str(outer[0].shown) if outer and all(is_private(one.shown) for one in outer) else "",
        behind_nat=any(one.local != one.shown for one in outer),
        media=(media.first, media.last),
        guard_alone=str(guard.get("reason", "")) if guard.get("enforced_by") == "engines" else "",
        inside_address=str(inner.local),
    )


def _known(reason: str) -> bool:
    """Reasons that have a rule of their own."""
    return reason.startswith(("PBX ", "the certificate ", "certificate "))


def _pids(told: Told) -> dict[str, int]:
    return {one["name"]: one["pid"] for one in told.status.get("engines", ()) if one.get("pid")}


def _tries(desired: Desired) -> Iterator[_Try]:
    """Every port that listens all the time, on each of our addresses."""
    for one in openings(desired):
        if one.way is Way.IN and not one.note and one.ports[0] == one.ports[1] and (kind := _kind(one)):
            for address in one.addresses:
                yield kind, (str(address), one.ports[0]), one.purpose


def _kind(one: Opening) -> str:
    if one.proto == "tcp":
        return "tcp"
    return "stun" if one.purpose.startswith("STUN") else "sip" if one.purpose.startswith("SIP") else ""


def _port(one: _Try, domain: str) -> Port:
    kind, where, purpose = one
    host = f"[{where[0]}]" if ":" in where[0] else where[0]
    # From the address itself: who speaks from loopback is somebody else to packet filters.
    match kind:
        case "tcp":
            error = asking.connects(where)
        case "sip":
            error = "" if asking.sip(where, domain, where[0]) else "no answer to OPTIONS"
        case _:
            error = "" if asking.stun(where, where[0]) else "no answer to STUN"
    return Port("tcp" if kind == "tcp" else "udp", f"{host}:{where[1]}", purpose, error)


def _called(desired: Desired, tries: Iterable[_Try]) -> TestCall | None:
    wanted = desired.config.doctor.call
    where = next((where for kind, where, _ in tries if kind == "sip"), None)
    if wanted is None or where is None:
        return None
    password = wanted.password.reveal() if wanted.password else ""
    return replace(call(where, wanted.to, wanted.user, password), wants_echo=wanted.echo)


def _names(desired: Desired, wishes: Wishes) -> tuple[tuple[NameFinding, ...], tuple[NameFinding, ...]]:
    """What is wrong in the public and in the inside DNS, as far as they can be seen from here."""
    config, network = desired.config, desired.network
    default = config.certificates.default
    servers = wishes.resolvers or tuple(map(str, default.acme.resolvers if default and default.acme else ()))
    own = look_up(((config.edge.domain, "A"), (config.edge.domain, "AAAA")))
    inside = {str(one) for one in addresses_of(network, View.INSIDE)}
    public = {str(one) for one in addresses_of(network, View.PUBLIC)}
    answered = {data for answer in own.values() for data in answer.data}
    split = bool(answered & (inside - public))
    found_inside = _compared(desired, View.INSIDE, ()) if split else ()
    found = _compared(desired, View.PUBLIC, servers) if servers or not split else ()
    return found, found_inside


def _compared(desired: Desired, view: View, servers: tuple[str, ...]) -> tuple[NameFinding, ...]:
    listed = records(desired.config, desired.network, view)
    answers = look_up(asked(listed), servers)
    if answers and all(one.silent for one in answers.values()):
        # One dead resolver is one finding.
        first = (desired.config.edge.domain, "A")
        answers = {first: answers.get(first) or next(iter(answers.values()))}
    return compare(listed, answers)


def _nodes(desired: Desired) -> Iterator[tuple[str, asking.Where, str, str]]:
    """PBX, address and port, transport, domain: those that can be asked without a certificate."""
    for name, pbx in desired.config.pbxs.items():
        domain = next((one for one in pbx.names if "/" not in one), desired.config.edge.domain)
        for transport, port in ports_of(pbx.sip):
            yield from ((str(name), (str(node.address), port), transport, domain) for node in pbx.nodes)


def _node(pbx: str, where: asking.Where, transport: str, domain: str) -> Node | None:
    if transport == "tls":
        return None
    reply = asking.sip(where, domain, tcp=transport == "tcp")
    shown = f"{transport} {where[0]} port {where[1]}"
    return Node(pbx, shown, reply.code if reply else 0, reply.supported if reply else frozenset())


def _hairpin(desired: Desired, tries: Iterable[_Try]) -> bool | None:
    """Whether our public address can be reached from here over TCP; None: it is our own, or there is no TCP."""
    for side in desired.network.sides:
        if side.side is Side.OUTSIDE4 and side.local != side.shown:
            ports = [where[1] for kind, where, _ in tries if kind == "tcp" and where[0] == str(side.local)]
            return not asking.connects((str(side.shown), ports[0]), _HAIRPIN_S) if ports else None
    return None


def _mapped(wishes: Wishes) -> tuple[str, ...]:
    found = asking.stun(wishes.stun) if wishes.stun else None
    return (found,) if found else ()


def _from_outside(desired: Desired, wishes: Wishes, tries: Iterable[_Try]) -> tuple[Outside | None, str]:
    """What the first responder saw that could be asked, and what went wrong with others."""
    config, media = desired.config, desired.config.media.ports
    local = _local_outside(desired.network.sides)
    wanted: dict[outside.Wanted, str] = {
        outside.Wanted(kind, where[1]): purpose for kind, where, purpose in tries if where[0] in local
    }
    expected = tuple(str(one) for one in addresses_of(desired.network, View.PUBLIC))
    seen, failed = None, ""
    for host in wishes.responders:
        try:
            listed = tuple(wanted.items())[: outside.MOST_PORTS]
            found = calling_out.ask(host, config.edge.domain, listed, expected, (media.first, media.last))
        except PeerError as error:
            failed = f"{host}: {error}"
            continue
        seen = found if seen is None else replace(seen, ports=(*seen.ports, *found.ports))
    return seen, failed


def _local_outside(sides: Iterable[Any]) -> set[str]:
    return {str(one.local) for one in sides if one.side in _OUTSIDE}


def _handshakes(told: Told) -> Iterator[Handshake]:
    for one in told.handshakes.get("handshakes", ()):
        where = f"{one['purpose']} at {one['address']} port {one['port']}"
        yield Handshake(where, one["name"], one["wrong"])


def _certificates(told: Told) -> Iterator[Certificate]:
    for one in told.status.get("certificates", ()) if told.handshakes.get("handshakes") else ():
        begins, expires = (datetime.fromisoformat(one[key]) for key in ("begins", "expires"))
        # Of one that nobody orders, its end is all there is to tell.
        alarm = (one["alarm"] or "") if one["next_order"] else ""
        own, complete = one["origin"] == "own", bool(one.get("complete", True))
        yield Certificate(one["name"], begins, expires, own, alarm, complete, tuple(one.get("lacking", ())))
