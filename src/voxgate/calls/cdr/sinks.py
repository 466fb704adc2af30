"""Where finished records go beside the store: a file of JSON lines, and a web server. Blocks: called from a thread."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voxgate.errors import HostError, PeerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxgate.calls.cdr.value import Cdr
    from voxgate.config.records import Push

#: Records in one request.
AT_ONCE: Final = 100
_ANSWER_S: Final = 10.0


class _NoWayOn(urllib.request.HTTPRedirectHandler):
    """A token is for the server that it was given for."""

    def redirect_request(self, *_: object) -> None:
        return None


def append(path: str, records: Sequence[Cdr]) -> None:
    """One line each, in one write. Raises HostError."""
    lines = "".join(json.dumps(cdr.to_json(), separators=(",", ":")) + "\n" for cdr in records)
    try:
        handle = os.open(Path(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(handle, lines.encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror or error}", "see to its folder") from error


def push(target: Push, records: Sequence[Cdr]) -> None:
    """Post them as one JSON array; every 2xx is an arrival. Raises PeerError."""
    body = json.dumps([cdr.to_json() for cdr in records], separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "voxgate"}
    if target.token:
        headers["Authorization"] = f"Bearer {target.token.reveal()}"
    request = urllib.request.Request(target.url, body, headers, method="POST")  # noqa: S310 - the scheme is checked
    try:
        with urllib.request.build_opener(_NoWayOn).open(request, timeout=_ANSWER_S) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        raise PeerError(f"{target.url} answered {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise PeerError(f"{target.url} cannot be reached: {getattr(error, 'reason', None) or error}") from error
