"""Providers that see the edge in a way of their own: another port, a name, a certificate. Pure.

Where two trunks share a provider's address, a request inside of a dialog does not tell whose it is. So the edge's
Record-Route does: `e=SIDE TRANSPORT.GROUP` for a call of that trunk, `e=SIDE TRANSPORT-GROUP` for a call to it, which
becomes `t=GROUP` where the PBX sees it. GROUP is the trunk's dispatcher set in hexadecimal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate_sip.trunks import Trunk

_GROUP: Final = re.compile(r";(?:t=|e=[io][46](?:udp|tcp|tls|ws)\.)([0-9a-f]{1,8})(?=[;>])")


def group_of(trunk: Trunk) -> str:
    """What stands for a trunk in Record-Route."""
    return f"{trunk.group:x}"


def mark(way: str, owner: Trunk | None, target: str) -> str:
    """What follows side and transport of the caller in Record-Route, for a call that goes `way` (in or out).

    `owner` is the trunk of a call in, `target` the group of a trunk with a way of its own that a call goes to.
    """
    if way == "in":
        return f".{group_of(owner)}" if owner and owner.own else ""
    return f"-{target}" if target else ""


def reached_at(found: tuple[Trunk, ...], address: str, port: int, proto: str) -> tuple[Trunk, ...]:
    """Those of the trunks at one address that are called at that port; all of them where none is."""
    hop = (address, port, proto)
    there = (trunk for trunk in found if any((one.address, one.port, one.proto) == hop for one in trunk.hops))
    return tuple(there) or found


def meant(found: tuple[Trunk, ...], there: tuple[Trunk, ...], proto: str, route: str) -> Trunk:
    """Which of the trunks at one address a request by that transport along `route` (the header) is for.

    `there` are those at its port: they count where the route does not tell.
    """
    return _named(found, route) or next((trunk for trunk in _by(proto, there) if trunk.own is None), there[0])


def may_see(found: tuple[Trunk, ...], route: str) -> bool | None:
    """What the trunk at one address that a request along `route` is of may see of PBXs: `Trunk.hides`.

    Where the route does not tell which one it is, what the most wary of them says.
    """
    named = _named(found, route)
    said = {trunk.hides for trunk in ((named,) if named else found)}
    return True if True in said else None if None in said or not said else False


def _named(found: tuple[Trunk, ...], route: str) -> Trunk | None:
    group = _GROUP.search(route.partition(">")[0] + ">")
    return next((trunk for trunk in found if group and group_of(trunk) == group[1]), None)


def at_port(found: tuple[Trunk, ...], proto: str, port: int) -> Trunk:
    """Which of the trunks at one address speaks by that transport with that port of ours."""
    ports = {trunk.own.port for trunk in found if trunk.own}
    wanted = port if port in ports else 0
    return next((one for one in _by(proto, found) if (one.own.port if one.own else 0) == wanted), found[0])


def _by(proto: str, found: tuple[Trunk, ...]) -> tuple[Trunk, ...]:
    return tuple(trunk for trunk in found if proto in trunk.protos)


def shown_in_replies(trunks: Mapping[str, Trunk], own: Mapping[tuple[str, str, str], str]) -> dict[str, str]:
    """The mark of Record-Route -> how the caller sees the edge; `own` by name of trunk, side and transport."""
    return {f"{side}{proto}.{group_of(trunks[name])}": uri for (name, side, proto), uri in own.items()}
