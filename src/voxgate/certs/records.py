"""Records in the DNS that prove a name (dns-01, RFC 8555 section 8.4). Blocks: for a thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.tsigkeyring
import dns.update

from voxgate.certs.explain import Failure, clean
from voxgate.certs.precheck import Dns
from voxgate.errors import HostError
from voxgate.host import process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.certificates import DnsUpdate

TTL_S: Final = 60
_QUERY_S: Final = 10.0
_HOOK_S: Final = 120.0
_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Records:
    """Puts TXT records where `how` says. `dns` sees what the internet sees. Raises Failure."""

    how: DnsUpdate
    dns: Dns

    def add(self, name: str, value: str) -> str:
        """Add a TXT record at `name`, or where a CNAME there leads; gives the name it is at."""
        at = self.dns.alias(name)
        self._change("add", at, value)
        return at

    def remove(self, at: str, value: str) -> None:
        """Take it away again."""
        self._change("remove", at, value)

    def wait(self, at: str, value: str) -> None:
        """Return when every name server of the zone shows it, or when enough was waited: some answer only outside."""
        servers = list(self._servers(at))
        end_s = time.monotonic() + self.how.wait_seconds
        while time.monotonic() < end_s:
            servers = [server for server in servers if value not in _texts(server, at)]
            if not servers:
                return
            time.sleep(_PAUSE_S)

    def _change(self, verb: str, at: str, value: str) -> None:
        if self.how.hook is not None:
            self._call(str(self.how.hook), verb, at, value)
        else:
            self._update(verb, at, value)

    def _call(self, hook: str, verb: str, at: str, value: str) -> None:
        try:
            done = process.run((hook, verb, at, value), timeout_s=_HOOK_S)
        except HostError as error:
            raise Failure(f"acme.dns.hook: {error.reason}", error.advice) from error
        if done.code != 0:
            said = clean(done.stderr or done.stdout)
            raise Failure(f"{hook} {verb} {at} exits with {done.code}: {said}", "see to the program")

    def _update(self, verb: str, at: str, value: str) -> None:
        server, key, name = str(self.how.server), self.how.key, self.how.key_name
        if key is None or name is None:
            raise Failure("the updates are not signed", "set acme.dns.key_name and key")
        try:
            ring = dns.tsigkeyring.from_text({name: key.reveal()})
            zone = dns.resolver.zone_for_name(at, resolver=Dns((server,), self.how.port).resolver)
            update = dns.update.UpdateMessage(zone, keyring=ring, keyalgorithm=self.how.algorithm.value)
            owner = dns.name.from_text(at)
            if verb == "add":
                update.add(owner, TTL_S, "TXT", f'"{value}"')
            else:
                update.delete(owner, "TXT", f'"{value}"')
            answer = dns.query.tcp(update, server, timeout=_QUERY_S, port=self.how.port)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            words = f"name server {server} takes no update of {at}: {clean(str(error)) or type(error).__name__}"
            raise Failure(words, "check acme.dns: server, port, key_name, key and algorithm") from error
        if answer.rcode() != dns.rcode.NOERROR:
            words = f"name server {server} takes no update of {at}: {dns.rcode.to_text(answer.rcode())}"
            raise Failure(words, "allow this key to change TXT records of the zone")

    def _servers(self, at: str) -> Iterator[str]:
        """Addresses of the zone's name servers; none where they cannot be found."""
        resolver = self.dns.resolver
        try:
            zone = dns.resolver.zone_for_name(at, resolver=resolver)
            names = [str(record.target) for record in resolver.resolve(zone, "NS", search=False)]
        except dns.exception.DNSException:
            return
        for name in names:
            yield from (str(address) for address in self.dns.addresses(name).addresses)


def _texts(server: str, at: str) -> set[str]:
    try:
        answer = dns.query.udp(dns.message.make_query(at, "TXT"), server, timeout=2.0)
    except (dns.exception.DNSException, OSError):
        return set()
    sets = (one for one in answer.answer if one.rdtype == dns.rdatatype.TXT)
    return {b"".join(record.strings).decode("ascii", "replace") for one in sets for record in one}
