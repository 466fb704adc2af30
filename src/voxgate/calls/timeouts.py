"""rtpengine reports that a call's media stopped; the call is ended in signalling on both sides.

rtpengine's own end of a call is silent: without this, both phones would show a running call that nobody hears.
It reports by XML-RPC over HTTP on loopback (rtpengine manual, --b2b-url with --xmlrpc-format=1): method
`teardown`, one string, the Call-ID.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import unescape

from voxgate.calls.hangup import NO_MEDIA
from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxgate.calls.ending import Ending

log = logging.getLogger(__name__)

#: A report holds one Call-ID; this is plenty.
MAX_REPORT_BYTES: Final = 16384
REPORT_TIMEOUT_S: Final = 5.0
#: A media relay that loses its network reports all calls at once.
MAX_REPORTS_AT_ONCE: Final = 64
_CALL: Final = re.compile(
    r"<methodName>\s*teardown\s*</methodName>.*?<param>\s*<value>\s*(?:<string>)?([^<]{1,1024})<", re.DOTALL
)
_OK: Final = (
    b'<?xml version="1.0"?><methodResponse><params><param><value><string>OK</string></value></param></params>'
    b"</methodResponse>"
)


def call_id_of(body: str) -> str:
    """The Call-ID in a report. Raises PeerError when it is none."""
    found = _CALL.search(body)
    if not found:
        raise PeerError("rtpengine: a report without a Call-ID")
    return unescape(found[1])


class MediaTimeouts:
    """Takes rtpengine's reports on `listener` and hangs up through Kamailio."""

    def __init__(
        self, listener: socket.socket, ending: Ending, ended: Callable[[str, str], None] = lambda _, __: None
    ) -> None:
        """`ended` is told of Call-ID and reason."""
        self._listener = listener
        self._ended = ended
        self._ending = ending
        self._slots = asyncio.Semaphore(MAX_REPORTS_AT_ONCE)

    def close(self) -> None:
        """Give the port up without ever having served."""
        self._listener.close()

    async def serve(self) -> None:
        """Take reports until cancelled."""
        server = await asyncio.start_server(self._client, sock=self._listener, limit=MAX_REPORT_BYTES)
        try:
            # Not `serve_forever`: since Python 3.12 its end waits for every open connection.
            await asyncio.Event().wait()
        finally:
            server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._slots, asyncio.timeout(REPORT_TIMEOUT_S):
                body = await _body(reader)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(_OK), _OK))
                await writer.drain()
                await self.hang_up(call_id_of(body))
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.warning("media_report_dropped reason=%s", type(error).__name__)
        except (PeerError, EngineError, ValueError) as error:
            log.warning("media_timeout_not_ended reason=%s", error)
        finally:
            writer.close()

    async def hang_up(self, call_id: str) -> None:
        """End the call on both sides; one that is not known ended by itself. Raises EngineError, PeerError."""
        known = await self._ending.hang_up(call_id, NO_MEDIA)
        self._ended(call_id, "no-media")
        log.info("media_timeout call_id=%s known=%s", call_id, known)


async def _body(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"(?im)^content-length:\s*(\d{1,6})\s*$", head)
    size = int(length[1]) if length else 0
    if size > MAX_REPORT_BYTES:
        raise PeerError("rtpengine: a report that is too long")
    return (await reader.readexactly(size)).decode("utf-8", "replace")
