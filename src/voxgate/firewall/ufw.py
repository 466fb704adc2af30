"""Openings for ufw, as commands that a person pastes (ufw(8)). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.firewall.opening import Opening, Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def printed(openings: Iterable[Opening]) -> str:
    """One command a line; the same rule added twice is one rule."""
    return "".join(f"{line}\n" for one in openings if one.way is not Way.OUT for line in _lines(one))


def _lines(one: Opening) -> Iterator[str]:
    verb = "ufw route allow" if one.way is Way.THROUGH else "ufw allow"
    for _, addresses, sources in one.versions():
        for address in addresses:
            for source in sources or ("any",):
                ports = one.port_text.replace("-", ":")
                yield f"{verb} proto {one.proto} from {source} to {address} port {ports} comment '{one.comment}'"
