"""What is known of one name: the last good answer, when to ask again, what went wrong. Pure; time is an argument."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from voxgate.config.trunknames import Lookup, Target

if TYPE_CHECKING:
    from datetime import datetime

    from voxgate.config.trunknames import Answers
    from voxgate.trunks.locating import Located

#: Bounds of what a TTL may say: not more often, so that nobody's DNS is a burden; not less, so that a mistake ends.
LEAST_S: Final = 5.0
MOST_S: Final = 3600.0
#: After a failure; doubled with each further one.
RETRY_S: Final = 5.0
LONGEST_RETRY_S: Final = 300.0
#: As of the file that is kept.
_MOST_NAMES: Final = 4096


@dataclass(frozen=True, slots=True)
class Name:
    """`targets` is the last good answer, of `since`; `reason` says why it was not renewed, empty when all is well."""

    lookup: Lookup
    targets: tuple[Target, ...] = ()
    since: datetime | None = None
    reason: str = ""
    next_s: float = 0.0
    failures: int = 0

    def found(self, located: Located, now_s: float, now: datetime) -> Name:
        """DNS has answered; without any address that is a failure, and what was known before stays."""
        if not located.targets:
            return self.failed("the name has no address", now_s)
        pause_s = min(max(float(located.ttl_s), LEAST_S), MOST_S)
        since = self.since if located.targets == self.targets else now
        return Name(self.lookup, located.targets, since, "", now_s + pause_s, 0)

    def failed(self, reason: str, now_s: float) -> Name:
        """DNS has not answered."""
        pause_s = min(RETRY_S * 2.0**self.failures, LONGEST_RETRY_S)
        failures = min(self.failures + 1, 16)
        return dataclasses.replace(self, reason=reason, next_s=now_s + pause_s, failures=failures)


def dumps(answers: Answers) -> bytes:
    """Good answers as the text of a file, so that they outlive a restart."""
    entries = [
        {
            "name": lookup.name,
            "transports": lookup.transports,
            "port": lookup.port,
            "targets": [[str(one.address), one.port, one.transport, one.priority, one.weight] for one in targets],
        }
        for lookup, targets in sorted(
            answers.items(), key=lambda one: (one[0].name, one[0].transports, one[0].port or 0)
        )
    ]
    return json.dumps(entries, indent=1).encode() + b"\n"


def loads(data: bytes) -> Answers:
    """The answers in a file that `dumps` wrote. Raises ValueError for anything else."""
    try:
        return {
            Lookup(str(entry["name"]), tuple(map(str, entry["transports"])), entry["port"]): tuple(
                Target(ip_address(address), int(port), str(transport), int(priority), int(weight))
                for address, port, transport, priority, weight in entry["targets"]
            )
            for entry in json.loads(data)[:_MOST_NAMES]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error
