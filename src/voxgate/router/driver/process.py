"""One router process: opens its sockets, reads its rules, relays until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.router.driver.client_side import ClientSide
from voxgate.router.driver.control import LONGEST_LINE, Control
from voxgate.router.driver.surroundings import Surroundings, TlsWays
from voxgate.router.driver.telling import Teller
from voxgate.router.h323.admission import PROTOCOL as H323
from voxgate.router.h323.connection import H323Connection
from voxgate.router.ldap.admission import PROTOCOL as LDAP
from voxgate.router.ldap.connection import LdapConnection
from voxgate.router.outcasts import Outcasts
from voxgate.router.rules import loads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from voxgate.router.connection import Opener

log = logging.getLogger(__name__)

#: What each protocol makes of a client.
OPENERS: Final[Mapping[str, Opener]] = {LDAP: LdapConnection, H323: H323Connection}

#: HAProxy opens a connection for each client; a burst of phones that come back waits here.
BACKLOG: Final = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths: the rules, our own sockets, and those of others. `fronts` are protocol -> where HAProxy connects."""

    rules: Path
    control: Path
    reports: Path
    fronts: Mapping[str, Path]
    ways: TlsWays


class Router:
    """The process. Start it once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._teller = Teller(settings.reports)
        self._surroundings: Surroundings

    async def run(self) -> None:
        """Relay until SIGTERM or SIGINT. Raises OSError, ValueError: sockets or rules are not usable."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as group:
            self._surroundings = Surroundings(group, self._settings.ways, self._teller.tell)
            self._take_rules()
            telling = group.create_task(self._teller.serve())
            servers = [await self._listen(protocol, path) for protocol, path in self._settings.fronts.items()]
            # The control socket comes last: who gets an answer from it finds all others.
            servers.append(await self._open_control())
            # What lives as long as the process need not be looked at again by the garbage collector.
            gc.freeze()
            log.info("ready")
            await stop.wait()
            for server in servers:
                server.close()
            telling.cancel()
            self._surroundings.end()

    async def _listen(self, protocol: str, path: Path) -> asyncio.Server:
        opener = OPENERS[protocol]
        # HAProxy is another user; the folder lets in nobody else.
        opened = _open(path, mode=0o666)
        return await asyncio.get_running_loop().create_unix_server(
            lambda: ClientSide(protocol, opener, self._surroundings), sock=opened, backlog=BACKLOG
        )

    async def _open_control(self) -> asyncio.Server:
        control = Control({"status": self._status, "rules": self._new_rules, "close": self._close})
        opened = _open(self._settings.control, mode=0o600)
        return await asyncio.start_unix_server(control.serve, sock=opened, limit=LONGEST_LINE)

    def _take_rules(self) -> str:
        content = self._settings.rules.read_bytes()
        self._surroundings.rules = loads(content)
        return hashlib.sha256(content).hexdigest()

    def _new_rules(self, words: list[str]) -> dict[str, object]:
        del words
        try:
            taken = self._take_rules()
        except (OSError, ValueError) as error:
            log.warning("rules_not_taken reason=%s", error)
            return {"error": str(error)}
        log.info("rules_taken hash=%s", taken[:12])
        return {"rules": taken}

    def _close(self, words: list[str]) -> dict[str, object]:
        try:
            outcasts = Outcasts(words)
        except ValueError as error:
            return {"error": str(error)}
        closed = self._surroundings.close(outcasts)
        log.info("closed networks=%d connections=%d", len(words), closed)
        return {"closed": closed}

    def _status(self, words: list[str]) -> dict[str, object]:
        del words
        return {"connections": len(self._surroundings.connections), "lost_reports": self._teller.lost}


def _open(path: Path, *, mode: int) -> socket.socket:
    """A unix socket at `path`, in the place of a former process's."""
    path.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(str(path))
        path.chmod(mode)
    except OSError:
        opened.close()
        raise
    opened.setblocking(False)
    return opened
