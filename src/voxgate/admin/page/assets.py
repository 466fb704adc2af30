"""Styles, scripts, pictures: each under an address that holds its own hash, so that browsers keep them for good."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

router = APIRouter()

_FOLDER: Final = Path(__file__).with_name("static")
_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; `digest` is a part of its address."""

    digest: str
    kind: str
    content: bytes
    packed: bytes


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0)
    return Asset(hashlib.sha256(content).hexdigest()[:16], _KINDS[path.suffix], content, packed)


#: By name, for instance `page.css`, `vendor/htmx.js`.
ASSETS: Final = {
    path.relative_to(_FOLDER).as_posix(): _read(path)
    for path in sorted(_FOLDER.rglob("*"))
    if path.suffix in _KINDS and path.is_file()
}


def address(name: str) -> str:
    """Where a browser gets it. KeyError: there is none of this name."""
    return f"/static/{ASSETS[name].digest}/{name}"


@router.get("/static/{digest}/{name:path}", include_in_schema=False)
async def asset(request: Request, digest: str, name: str) -> Response:
    """One of them; for everybody, since the log-in page needs them."""
    found = ASSETS.get(name)
    if found is None or found.digest != digest:
        raise HTTPException(404)
    headers = {"Cache-Control": _FOR_GOOD, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=found.kind)
    return Response(found.content, headers=headers, media_type=found.kind)
