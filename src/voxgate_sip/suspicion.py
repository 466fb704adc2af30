"""What a requester did that is suspicious, told to the control plane's guard, which counts it over all protocols.

What comes over UDP can carry anybody's address. It is evidence, and never bans by itself, unless the sender has shown
that it receives what is sent to that address: see `challenges`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from voxgate_sip.events import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.events import Emitter

#: Reason of a refusal -> its kind, as the guard knows it. Reasons that say more about the edge, a PBX or a limit than
#: about who asked are not here.
KINDS: Final = {
    "unknown-domain": "unknown_name",
    "transport-not-served": "not_allowed",
    "bad-seal": "not_allowed",
    "next-hop-is-no-pbx": "not_allowed",
    "next-hop-is-no-address": "not_allowed",
    "http-on-sip-port": "not_allowed",
    "websocket-no-client": "not_allowed",
    "websocket-no-upgrade": "not_allowed",
    "websocket-other-protocol": "not_allowed",
    "websocket-unknown-origin": "not_allowed",
    "malformed": "malformed",
    "no-node-answers": "connect_failed",
    "scanner": "scanner",
    "injection": "injection",
    "too-fast": "too_fast",
}
#: Events a second that one worker tells: of what is proven, and of what anybody can forge.
PROVEN_PER_S: Final = 200
FORGEABLE_PER_S: Final = 20


class Suspicion:
    """Tells the guard; bounded, so that a flood costs no more than its packets."""

    def __init__(self, events: Emitter, now: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._now = now
        self._second = 0
        self._room = {True: PROVEN_PER_S, False: FORGEABLE_PER_S}

    def refused(self, reason: str, source: str, proto: str, host: str) -> None:
        """A request was refused; `host` is whom it was for."""
        kind = KINDS.get(reason)
        if kind:
            self.tell(kind, source, name=host, detail=reason, proven=proto != "udp")

    def tell(self, kind: str, source: str, *, name: str = "", user: str = "", detail: str = "", proven: bool) -> None:
        """Tell it. Names, users and details may come straight from a packet."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._room = {True: PROVEN_PER_S, False: FORGEABLE_PER_S}
        if self._room[proven] <= 0:
            return
        self._room[proven] -= 1
        self._events.send(
            event="suspicious",
            kind=kind,
            source=source,
            name=plain(name),
            user=plain(user),
            detail=plain(detail),
            proven=proven,
        )
