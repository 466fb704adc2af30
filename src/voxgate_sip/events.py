"""What the workers tell the control plane: datagrams that never block, and log lines that never flood."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.ksr import Ksr
    from voxgate_sip.suspicion import Suspicion

#: Log lines about refused requests: so many at once, then one a second, for each worker.
BURST: Final = 20
#: Between the parts of an event that is no JSON.
PART: Final = "\x1d"
_STRANGE = re.compile(r"[^A-Za-z0-9._:@/+-]")


def plain(text: str, limit: int = 64) -> str:
    """`text` from a packet, fit for a log line: a narrow set of characters, `?` for all others, bounded."""
    return _STRANGE.sub("?", text[:limit])


class Emitter:
    """Sends events as datagrams to a unix socket; an event that would block is dropped."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, **event: object) -> None:
        """Tell the control plane. Nobody listening, or a full queue, is no error here."""
        self._put(json.dumps(event, separators=(",", ":")).encode())

    def tell(self, *parts: str) -> None:
        """The same for what happens in each call: the first of `parts` is the kind of event. None holds `PART`."""
        self._put(PART.join(parts).encode())

    def _put(self, datagram: bytes) -> None:
        try:
            self._socket.send(datagram)
        except BlockingIOError:
            return
        except OSError:
            # The first one, or the control plane has started anew, with a new socket of that name.
            with suppress(OSError):
                self._socket.connect(self._path)
                self._socket.send(datagram)


class Refusals:
    """Counts every refused request in shared memory and logs as many as a person can read."""

    def __init__(
        self, ksr: Ksr, now: Callable[[], float] = time.monotonic, *, suspicion: Suspicion | None = None
    ) -> None:
        self._ksr = ksr
        self._suspicion = suspicion
        self._now = now
        self._budget = float(BURST)
        self._last = now()
        #: Why the last request that was refused was refused; whoever wants to know empties it before.
        self.reason = ""

    def note(self, reason: str, source: str, proto: str, method: str, host: str) -> None:
        """One request was refused. `method` and `host` come from the packet."""
        self.reason = reason
        self._ksr.htable.sht_inc("refused", reason)
        if self._suspicion:
            self._suspicion.refused(reason, source, proto, host)
        if self.may_log():
            self._ksr.notice(
                f"event=request_refused reason={reason} src_ip={source} transport={proto} "
                f"method={plain(method)} host={plain(host) or '-'}\n"
            )

    def may_log(self) -> bool:
        """Whether one more line that a stranger can provoke may be written now; it counts as written."""
        now = self._now()
        self._budget = min(float(BURST), self._budget + now - self._last)
        self._last = now
        if self._budget < 1:
            return False
        self._budget -= 1
        return True
