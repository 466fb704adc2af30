"""DNS, by way of dnspython: one question, one answer, within a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: For one question, with all servers and repetitions.
ANSWER_S: Final = 4.0
#: Of an answer that says that there is nothing, where it does not say so itself.
_NOTHING_TTL_S: Final = 30


class DnsClient:
    """Asks the servers of this machine, or `servers` where there are any."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = list(servers)

    async def ask(self, name: str, kind: str) -> tuple[list[Any], int]:
        """The records of a kind as dnspython gives them, none when there are none; and their TTL in seconds.

        Raises PeerError when nobody answers.
        """
        try:
            # Made anew each time: the machine's file changes with its network.
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers = list(self._servers)
            resolver.lifetime, resolver.timeout = ANSWER_S, ANSWER_S / 2
            answer = await resolver.resolve(
                dns.name.from_text(name), dns.rdatatype.from_text(kind), search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return [], _NOTHING_TTL_S
        except dns.resolver.NoResolverConfiguration as error:
            raise PeerError("no DNS server is known to this machine") from error
        except (dns.exception.Timeout, dns.resolver.LifetimeTimeout) as error:
            raise PeerError("no DNS server answered in time") from error
        except (dns.exception.DNSException, OSError) as error:
            raise PeerError(f"DNS failed: {type(error).__name__}") from error
        if answer.rrset is None:
            return [], _NOTHING_TTL_S
        return list(answer.rrset), int(answer.chaining_result.minimum_ttl)
