"""Would an order succeed? Looked up before the authority is asked, because failed orders are counted there.

`judge` and `forbidden` are pure; `Dns` asks name servers and blocks: for a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
_LIFETIME_S: Final = 8.0
#: Where a name leads there only here, the internet may see another address (split DNS).
_PRIVATE: Final = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the DNS says of a name. `silent`: why there is no answer at all; empty: there was one."""

    addresses: tuple[Address, ...]
    silent: str = ""


def judge(name: str, looked: Looked, ours: Iterable[Address]) -> str:
    """Why an authority that follows the DNS would not find this edge under `name`; empty when it would."""
    known = set(ours)
    if looked.silent:
        return f"{name} cannot be looked up: {looked.silent}"
    if not looked.addresses:
        targets = " or ".join(sorted(str(address) for address in known))
        return f"{name} has no A and no AAAA record in the DNS: add one that leads to {targets}"
    for version, record in ((6, "AAAA"), (4, "A")):  # authorities try IPv6 first
        found = [a for a in looked.addresses if a.version == version and not any(a in net for net in _PRIVATE)]
        if not found or known & set(found):
            continue
        mine = sorted(str(address) for address in known if address.version == version)
        right = f"correct it to {' or '.join(mine)}" if mine else "remove it, this edge has no such address"
        return f"the {record} record of {name} leads to {found[0]}, which is not this edge: {right}"
    return ""


def forbidden(name: str, records: Iterable[tuple[str, str]], identities: Iterable[str]) -> str:
    """Why CAA `records` (tag, value) keep this authority from signing `name` (RFC 8659); empty when they do not."""
    wanted = {identity.lower() for identity in identities}
    pairs = [(tag.lower(), value.partition(";")[0].strip().lower()) for tag, value in records]
    wild = [value for tag, value in pairs if tag == "issuewild"]
    plain = [value for tag, value in pairs if tag == "issue"]
    allowed = wild if name.startswith("*.") and wild else plain
    if not wanted or not allowed or wanted & set(allowed):
        return ""
    listed = ", ".join(value or "nobody" for value in allowed)
    return f"a CAA record of {name} lets only {listed} sign: add one for {min(wanted)}"


class Dns:
    """Asks `servers`, or those of this machine. Every method blocks for some seconds at most."""

    def __init__(self, servers: Iterable[str] = (), port: int = 53) -> None:
        listed = list(servers)
        self.resolver = dns.resolver.Resolver(configure=not listed)
        self.resolver.lifetime = _LIFETIME_S
        if listed:
            self.resolver.nameservers = list(listed)
            self.resolver.port = port

    def addresses(self, name: str) -> Looked:
        """A and AAAA records."""
        found: list[Address] = []
        for kind in ("A", "AAAA"):
            try:
                found += [ip_address(str(record)) for record in self.resolver.resolve(name, kind, search=False)]
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                continue
            except dns.exception.DNSException as error:
                return Looked((), _why(error))
        return Looked(tuple(found))

    def caa(self, name: str) -> tuple[tuple[str, str], ...]:
        """The CAA records that count for `name`: its own, or the next ones above it. None to be had counts as none."""
        at = dns.name.from_text(name.removeprefix("*."))
        while at != dns.name.root:
            try:
                records = self.resolver.resolve(at, "CAA", search=False)
                return tuple(
                    (record.tag.decode("ascii"), record.value.decode("ascii", "replace")) for record in records
                )
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                at = at.parent()
            except dns.exception.DNSException:
                return ()
        return ()

    def alias(self, name: str) -> str:
        """Where a CNAME leads, itself where there is none."""
        try:
            answer = self.resolver.resolve(name, "TXT", search=False, raise_on_no_answer=False)
            return str(answer.canonical_name.to_text(omit_final_dot=True))
        except dns.resolver.NXDOMAIN as error:
            return str(error.canonical_name.to_text(omit_final_dot=True))
        except dns.exception.DNSException:
            return name


def _why(error: dns.exception.DNSException) -> str:
    if isinstance(error, dns.resolver.NoNameservers):
        return "its name servers refuse or fail to answer"
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return "no name server answers in time"
    return type(error).__name__
