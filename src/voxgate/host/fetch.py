"""Text from the web, bounded in size and time. Blocks: call it from a thread where a loop runs."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from voxgate.errors import HostError

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

MOST_BYTES: Final = 32 * 1024 * 1024
SILENCE_S: Final = 20.0
WHOLE_S: Final = 120.0
_CHUNK_BYTES: Final = 65_536


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """A list that is asked for by HTTPS does not come by something less safe."""

    def redirect_request(  # noqa: PLR0917 - the base class has it so
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        wanted = ("https://",) if req.full_url.startswith("https://") else ("https://", "http://")
        if not newurl.startswith(wanted):
            raise urllib.error.URLError(f"it leads to {newurl[:100]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(url: str, *, most_bytes: int = MOST_BYTES) -> bytes:
    """What a web server answers with 200. Raises HostError."""
    request = urllib.request.Request(url, headers={"User-Agent": "voxgate"})  # noqa: S310 - the scheme is checked
    deadline_s = time.monotonic() + WHOLE_S
    opener = urllib.request.build_opener(_WebOnly)
    try:
        with opener.open(request, timeout=SILENCE_S) as answer:
            if answer.status != 200:
                raise HostError(f"{url} was answered with {answer.status}", "open it in a browser")
            return _whole(answer, url, most_bytes, deadline_s)
    except urllib.error.HTTPError as error:
        raise HostError(f"{url} was answered with {error.code}", "open it in a browser") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise HostError(f"{url} cannot be fetched: {reason}", "check it from this machine: curl -v URL") from error


def _whole(answer: http.client.HTTPResponse, url: str, most_bytes: int, deadline_s: float) -> bytes:
    pieces, size = [], 0
    while piece := answer.read(_CHUNK_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            raise HostError(f"{url} is longer than {most_bytes} bytes", "give the URL of a shorter list")
        if time.monotonic() > deadline_s:
            raise HostError(f"{url} took longer than {WHOLE_S:g} s", "try again later")
    return b"".join(pieces)
