"""What is wrong with the edge, its network and its PBXs, from what was seen. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.doctor.audio_rules import audio_findings
from voxgate.doctor.certificate_rules import certificate_findings
from voxgate.doctor.finding import Finding, Grade
from voxgate.doctor.machine_rules import machine_findings
from voxgate.names.comparing import Grade as NameGrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.doctor.facts import Facts, Node, Outside

ERROR, WARNING, NOTE = Grade.ERROR, Grade.WARNING, Grade.NOTE
#: TLS certificates and time-limited credentials bear less.
_CLOCK_S: Final = 5.0


def findings(facts: Facts) -> tuple[Finding, ...]:
    """All of them, the worst first."""
    found = [one for rule in _RULES for one in rule(facts)]
    return tuple(sorted(found, key=lambda one: tuple(Grade).index(one.grade)))


def _running(facts: Facts) -> Iterator[Finding]:
    edge = facts.edge
    if edge.silent:
        yield Finding(
            "not-running",
            ERROR,
            f"the edge cannot be asked: {edge.silent}",
            "nothing is served",
            "start it: voxgate run, or systemctl start voxgate",
        )
    for reason in edge.reasons:
        yield Finding(
            "status",
            ERROR,
            reason,
            "the edge does not serve as configured",
            "voxgate status shows the whole; the log says more",
        )
    for sentence in edge.drift:
        yield Finding("drift", WARNING, sentence, "what runs is not what the configuration says", "voxgate apply")
    if edge.guard_alone:
        why = "banned addresses still reach ports that no engine of Voxgate's holds, and cost more"
        yield Finding(
            "guard-without-kernel",
            NOTE,
            f"bans are not in the kernel: {edge.guard_alone}",
            why,
            "give Voxgate CAP_NET_ADMIN, and set guard.firewall: true",
        )


def _names(facts: Facts) -> Iterator[Finding]:
    for view, listed in (("public", facts.names), ("inside", facts.names_inside)):
        for one in listed:
            # From here the inside view may not be visible, and notes are for `voxgate dns check`.
            if one.grade is NameGrade.NOTE or (view == "inside" and one.grade is not NameGrade.ERROR):
                continue
            grade = ERROR if one.grade is NameGrade.ERROR and view == "public" else WARNING
            what = f"{view} DNS: {one.name} {one.kind} {one.what}"
            why = one.why if view == "public" else "phones inside go through the router, which seldom works"
            yield Finding(f"dns-{view}", grade, what, why, one.cure)


def _inside_ports(facts: Facts) -> Iterator[Finding]:
    for port in facts.ports:
        if port.error:
            what = f"{port.purpose} at {port.proto} {port.where} does not answer on this machine: {port.error}"
            cure = "look whether its engine runs: voxgate status; and at this machine's packet filter: voxgate firewall"
            yield Finding("port-inside", ERROR, what, "nobody can use it", cure)


def _turn(facts: Facts) -> Iterator[Finding]:
    for one in facts.allocations:
        if one.error:
            yield Finding(
                "turn-allocation",
                ERROR,
                f"{one.purpose} at {one.where} fails: {one.error}",
                "browsers and phones where UDP does not pass have no audio",
                "see whether coturn runs (voxgate status), and whether its account or secret was applied",
            )


def _place(facts: Facts) -> Iterator[Finding]:
    edge = facts.edge
    if edge.private:
        yield Finding(
            "no-public-address",
            ERROR,
            f"phones outside are shown {edge.private}, a private address",
            "they cannot send audio or answers there",
            "set edge.public_address to the router's address",
        )
    for address in facts.mapped:
        same = [shown for shown in facts.shown if (":" in shown) == (":" in address)]
        if same and address not in same:
            yield Finding(
                "public-address",
                ERROR,
                f"the internet sees this edge as {address}, not as {same[0]}",
                "phones outside send audio to an address that is not ours: calls without sound",
                f"set edge.public_address: {address}, and correct the DNS",
            )
    if facts.hairpin is False:
        yield Finding(
            "hairpin",
            NOTE,
            "this machine cannot reach its own public address: the router has no hairpin NAT",
            "phones inside that use the public name find nobody, unless DNS inside says the private address",
            f"voxgate dns plan --view inside; or give them {edge.inside_address} as outbound proxy",
        )


def _outside(facts: Facts) -> Iterator[Finding]:
    if facts.outside_failed:
        yield Finding(
            "responder",
            ERROR,
            f"the responder cannot be asked: {facts.outside_failed}",
            "nothing is known of how the edge looks from there",
            "run `voxgate doctor --respond` there, and open its port (TCP and UDP)",
        )
    if facts.outside is None:
        return
    seen = facts.outside
    for port in seen.ports:
        if port.error:
            what = f"{port.purpose} at {port.proto} {port.where} is not reached from {seen.responder}: {port.error}"
            yield Finding(
                "port-outside",
                ERROR,
                what,
                "nobody outside can use it",
                "open it in the firewall, forward it on the router: voxgate firewall --format plain",
            )
    if seen.expected and seen.seen not in seen.expected and (":" in seen.seen) == (":" in seen.expected[0]):
        yield Finding(
            "public-address",
            ERROR,
            f"{seen.responder} sees us as {seen.seen}, not as {seen.expected[0]}",
            "phones outside send audio to an address that is not ours: calls without sound",
            f"set edge.public_address: {seen.seen}, and correct the DNS",
        )
    yield from _on_the_way(seen)


def _on_the_way(seen: Outside) -> Iterator[Finding]:
    if seen.sent and seen.arrived is not None and seen.arrived != seen.sent:
        before, after = _first_difference(seen.sent, seen.arrived)
        yield Finding(
            "sip-rewritten",
            ERROR,
            f"a SIP request is changed on its way: `{before}` arrives as `{after}`",
            "a SIP helper (ALG) writes addresses of its own into messages that are right: calls fail or are silent",
            "switch off SIP ALG, SIP helper or SIP inspection on the router or firewall",
        )
    if seen.sent and seen.arrived is None:
        yield Finding(
            "sip-lost",
            WARNING,
            f"a SIP request over UDP does not arrive at {seen.responder}",
            "something on the way drops SIP, or the responder's UDP port is not open",
            "let UDP port 5060 out to anywhere, and open it at the responder",
        )
    if seen.source_kept is False:
        yield Finding(
            "source-hidden",
            ERROR,
            "the router puts its own address on packets from outside",
            "the whole internet looks local: phones are shown private addresses, and bans hit everybody",
            "no source NAT (masquerading) for packets that the router forwards to the edge",
        )
    if abs(seen.ahead_s) > _CLOCK_S:
        yield Finding(
            "clock",
            WARNING,
            f"the clock here and the one of {seen.responder} differ by {seen.ahead_s:.0f} s",
            "certificates, time-limited credentials and call records go by it",
            "timedatectl set-ntp true, or install chrony",
        )


def _first_difference(sent: str, arrived: str) -> tuple[str, str]:
    pairs = zip(sent.splitlines(), [*arrived.splitlines(), *[""] * len(sent)], strict=False)
    return next(((one, other) for one, other in pairs if one != other), (sent[-40:], arrived[-40:]))


def _pbxs(facts: Facts) -> Iterator[Finding]:
    for node in facts.nodes:
        yield from _node(node, facts)


def _node(node: Node, facts: Facts) -> Iterator[Finding]:
    who = f"PBX {node.pbx} at {node.where}"
    if node.code == 0:
        cure = (
            "see whether the PBX runs there and takes SIP on that port and transport; whether a firewall is between "
            f"(voxgate firewall --pbx {node.pbx}); whether its fail2ban has banned this edge "
            f"(fail2ban-client set JAIL unbanip {facts.edge.inside_address})"
        )
        yield Finding(
            "pbx-silent", ERROR, f"{who} does not answer OPTIONS", "its phones and calls get no service", cure
        )
    elif node.code == 403:
        yield Finding(
            "pbx-refuses",
            ERROR,
            f"{who} answers OPTIONS with 403: it does not trust this edge",
            "registrations and calls through the edge will be refused",
            f"allow {facts.edge.inside_address} in its access lists: voxgate pbx-config {node.pbx}",
        )
    elif node.code in {420, 421} or node.code >= 500:
        yield Finding(
            "pbx-unwell",
            WARNING,
            f"{who} answers OPTIONS with {node.code}",
            "it may refuse calls, too",
            "see its own log",
        )
    elif node.supported and "path" not in node.supported:
        yield Finding(
            "pbx-path",
            NOTE,
            f"{who} does not say that it supports Path (RFC 3327)",
            "without it, calls do not find their way back to phones behind the edge",
            f"switch it on if it is off: voxgate pbx-config {node.pbx}",
        )


_RULES: Final[tuple[Callable[[Facts], Iterator[Finding]], ...]] = (
    *(_running, _inside_ports, _turn, _names, certificate_findings, _place, _outside, _pbxs),
    audio_findings,
    machine_findings,
)
