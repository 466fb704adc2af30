"""One router process: opens its sockets, reads its rules, relays until it is told to end."""

from __future__ import annotations

import gc
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.router.driver.client_side import ClientSide
from voxgate.router.driver.control import Control
from voxgate.router.driver.listening import Listening
from voxgate.router.driver.poll import Poll
from voxgate.router.driver.surroundings import Surroundings
from voxgate.router.driver.telling import Teller
from voxgate.router.h323.admission import PROTOCOL as H323
from voxgate.router.h323.connection import H323Connection
from voxgate.router.ldap.admission import PROTOCOL as LDAP
from voxgate.router.ldap.connection import LdapConnection
from voxgate.router.rules import loads

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from voxgate.router.connection import Opener
    from voxgate.router.driver.reaching import TlsWays

log = logging.getLogger(__name__)

#: What each protocol makes of a client.
OPENERS: Final[Mapping[str, Opener]] = {LDAP: LdapConnection, H323: H323Connection}


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths: the rules, our own sockets, and those of others. `fronts` are protocol -> where HAProxy connects."""

    rules: Path
    control: Path
    reports: Path
    fronts: Mapping[str, Path]
    ways: TlsWays


class Router:
    """The process. Run it once; `stop` may come from a handler of signals or another thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._poll = Poll()
        self._teller = Teller(self._poll, settings.reports)
        self._surroundings = Surroundings(self._poll, settings.ways, self._teller.tell)
        self.stop = self._poll.stop

    def run(self) -> None:
        """Relay until `stop`. Raises OSError, ValueError: sockets or rules are not usable."""
        self._take_rules()
        self._teller.begin()
        # HAProxy is another user; the folder lets in nobody else.
        doors = [
            Listening(self._poll, path, self._client_of(protocol), mode=0o666)
            for protocol, path in self._settings.fronts.items()
        ]
        # The control socket comes last: who gets an answer from it finds all others.
        doors.append(Listening(self._poll, self._settings.control, self._asked, mode=0o600))
        # What lives as long as the process need not be looked at again by the garbage collector.
        gc.freeze()
        log.info("ready")
        self._poll.run()
        for door in doors:
            door.close()
        self._surroundings.end()
        self._teller.flush()
        self._poll.close()

    def _client_of(self, protocol: str) -> Callable[[socket.socket], object]:
        opener, surroundings = OPENERS[protocol], self._surroundings
        return lambda sock: ClientSide(protocol, opener, surroundings, sock)

    def _asked(self, sock: socket.socket) -> None:
        Control(self._poll, sock, {"status": self._status, "rules": self._new_rules})

    def _take_rules(self) -> str:
        content = self._settings.rules.read_bytes()
        self._surroundings.rules = loads(content)
        return hashlib.sha256(content).hexdigest()

    def _new_rules(self) -> dict[str, object]:
        try:
            taken = self._take_rules()
        except (OSError, ValueError) as error:
            log.warning("rules_not_taken reason=%s", error)
            return {"error": str(error)}
        log.info("rules_taken hash=%s", taken[:12])
        return {"rules": taken}

    def _status(self) -> dict[str, object]:
        # Who asks knows what happened until now.
        self._teller.flush()
        return {"connections": len(self._surroundings.connections), "lost_reports": self._teller.lost}
