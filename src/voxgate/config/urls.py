"""Which URLs of a PBX are let through. Pure.

One of the allowed URLs must be the head of the requested path, letter by letter; if it ends in `/`, the rest of the
path must hold no further `/`. What the PBX might read otherwise than it is compared here is never let through: dot
segments, encoded slashes, backslashes and dots. The query plays no part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator

from voxgate.config.presets import EVERYTHING, PRESETS
from voxgate.config.scalars import Kind, ScalarError

LONGEST: Final = 512
_URL: Final = re.compile(r"/[A-Za-z0-9._~!$&()*+,=:@/%-]*\Z")

#: In a path as it was sent: `/`, `\` and NUL in percent-encoding, once or twice encoded; a backslash; bytes that start
#: an overlong `/` or `.` (RFC 3629, section 10); a segment of dots, also with parameters. HAProxy reads it too.
AMBIGUOUS: Final = (
    r"%(25)*(2f|5c|00|c0|c1)|\\|%(25)+2e|(^|/)(\.|%2e){1,2}(;|%3b|/|$)",
    re.IGNORECASE,
)
_AMBIGUOUS: Final = re.compile(*AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class AllowedUrls:
    """`heads` allow every path that begins with one of them, `folders` (ending in `/`) what lies directly in them."""

    heads: tuple[str, ...]
    folders: tuple[str, ...]

    def allow(self, path: str) -> bool:
        """Whether a request for `path`, without query, is let through."""
        if not path.startswith("/") or _AMBIGUOUS.search(path):
            return False
        return path.startswith(self.heads) or path[: path.rindex("/") + 1] in self.folders


def allowed_urls(written: tuple[str, ...]) -> AllowedUrls:
    """What URLs and presets mean together."""
    heads: dict[str, None] = {}
    folders: dict[str, None] = {}
    for entry in written:
        if entry == f"@{EVERYTHING}":
            heads["/"] = None
            continue
        for url in PRESETS[entry[1:]] if entry.startswith("@") else (entry,):
            (folders if url.endswith("/") else heads)[url] = None
    return AllowedUrls(tuple(heads), tuple(folders))


def parse_url(value: object) -> str:
    """A path that begins with `/`, or `@` and the name of a preset."""
    if not isinstance(value, str):
        raise ScalarError("a URL is needed here", "write a path, for instance /PBX0/MY, or @innovaphone-mypbx")
    if value.startswith("@"):
        if value[1:] not in PRESETS and value[1:] != EVERYTHING:
            known = ", ".join(f"@{name}" for name in (*PRESETS, EVERYTHING))
            raise ScalarError(f"there is no list of URLs named `{value}`", f"known are {known}")
        return value
    if "://" in value:
        raise ScalarError(f"`{value}` names a host", "write the path alone; hosts belong under names")
    if not _URL.match(value) or len(value) > LONGEST:
        advice = f"begin with a slash; letters, digits and ._~!$&()*+,=:@/%- , {LONGEST} at most, no query"
        raise ScalarError(f"`{value[:80]}` is no path of a URL", advice)
    if _AMBIGUOUS.search(value):
        advice = "write it without encoded slashes and without . or .. between slashes"
        raise ScalarError(f"`{value}` would never be let through", advice)
    return value


Url = Annotated[str, BeforeValidator(parse_url), Kind("path, or `@` and the name of a list")]
