"""What a transaction remembers of its request, as text (pure): whoever sent it, and the nodes that were tried.

All of it is one variable of the engine, because a variable costs as much as many lines of Python. The caller's lines
(`Request.caller`) come first.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: Where it stands.
NOTE: Final = "$avp(request)"
#: Between what is known of the caller and what was tried. No stranger can write it: users have no line ends, and the
#: lines of a folded header begin with a space (RFC 3261 section 7.3.1).
SEPARATOR: Final = "\n\x1e"


class Tried(NamedTuple):
    """Nodes of a PBX that a request was sent to, by their URIs; `kind` of transport: `secure` or `plain`."""

    pbx: str
    kind: str
    user: str
    uris: tuple[str, ...]


def note_of(caller: str, *tried: str) -> str:
    """The text; `tried` is nothing, or all of `Tried` in its order. Nothing of it has a line end in it."""
    return f"{caller}{SEPARATOR}" + "\n".join(tried)


def read(note: str) -> tuple[str, Tried | None]:
    """The lines about the caller, and what was tried; None where nothing else can be."""
    caller, _, text = note.partition(SEPARATOR)
    if not text:
        return caller, None
    pbx, kind, user, *uris = text.split("\n")
    return caller, Tried(pbx, kind, user, tuple(uris))
