"""Failed logins out of coturn's log. Pure: lines in, failures out.

coturn 4.6 names a session when it refuses somebody, and the session's address only when it ends. So failures are kept
by session until then; `max-allocate-timeout` ends sessions without an allocation soon.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxgate.guard.observation import requester_of

if TYPE_CHECKING:
    from voxgate.guard.observation import Address

#: Sessions with a failure that are still open. Who keeps more open than that loses the oldest to sight.
MOST_SESSIONS = 4096
#: Failures of one session that count.
MOST_FAILURES = 100

#: What each line of coturn's own begins with: see its configuration. User names may hold line ends.
_MARKED = re.compile(r"(?P<mark>\d{20}):: (?P<said>.*)")
_REFUSED = re.compile(
    r"session (?P<session>\d{1,24}): realm <[^>]*> user <(?P<user>[^>]+)>: "
    r"incoming packet .{1,40} processed, error 401: .*"
)
_ENDED = re.compile(
    r"session (?P<session>\d{1,24}): closed \(2nd stage\), .*, "
    r"remote (?P<address>\[?[0-9a-fA-F.:]+\]?):\d{1,5}, reason: .*"
)
# And what it says at each start about SCTP, which kernels without that module do not have.
_SESSION = re.compile(r"\d+: ?: (session \d|IPv[46]\. |ERROR: check_stun_auth: )|socket: Protocol not supported")
_UNKNOWN_OPTION = re.compile(r"\d+: ?: Bad configuration format: (?P<option>.*)")


@dataclass(frozen=True, slots=True)
class Failures:
    """`count` refused logins of one session that came from `requester`, the last one as `user`."""

    requester: Address
    user: str
    count: int


@dataclass(slots=True)
class TurnLines:
    """The log of one coturn."""

    _open: OrderedDict[str, tuple[str, int]] = field(default_factory=OrderedDict)
    # Learned from its first line, which it writes before it listens to anybody.
    _mark: str = ""

    def feed(self, line: str, now_s: float) -> Failures | None:
        """What a line completes. Credentials that were good once, until a time that is over, are no failure."""
        marked = _MARKED.fullmatch(line)
        if marked is None:
            return None
        self._mark = self._mark or marked["mark"]
        return self._told(marked["said"], now_s) if marked["mark"] == self._mark else None

    def _told(self, line: str, now_s: float) -> Failures | None:
        if (refused := _REFUSED.fullmatch(line)) and not _expired(refused["user"], now_s):
            _, count = self._open.pop(refused["session"], ("", 0))
            self._open[refused["session"]] = refused["user"], min(count + 1, MOST_FAILURES)
            if len(self._open) > MOST_SESSIONS:
                self._open.popitem(last=False)
        elif (ended := _ENDED.fullmatch(line)) and (known := self._open.pop(ended["session"], None)):
            requester = requester_of(ended["address"])
            return Failures(requester, *known) if requester else None
        return None


def is_routine(line: str) -> bool:
    """Whether a line tells of one session: too many for a log, and `feed` has seen what matters."""
    return _SESSION.match(line) is not None


def unknown_option(line: str) -> str:
    """The option that this coturn does not know; empty as a rule."""
    found = _UNKNOWN_OPTION.fullmatch(line)
    return found["option"] if found else ""


def _expired(user: str, now_s: float) -> bool:
    """Time-limited credentials whose time is over (`seconds:name`)."""
    until, colon, _ = user.partition(":")
    return bool(colon) and until.isdigit() and len(until) <= 12 and int(until) < now_s
