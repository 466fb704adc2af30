"""What the sentences about HTTP, LDAP and H.323 have in common: a plain port, a TLS port. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.plan.change import Change, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.plan.change import Difference


def serves(listen: object, titles: Mapping[str, str]) -> str:
    """The ports of a service that comes as a whole; `titles` by key of `listen`."""
    ports = " and ".join(f"{title} on port {port}" for key, title in titles.items() if (port := getattr(listen, key)))
    return f"serves {ports}"


def port_of(titles: Mapping[str, str]) -> Callable[[Difference], Change]:
    """Tells of one of its ports."""

    def tell(difference: Difference) -> Change:
        title, old, new = titles[difference.key[-1]], difference.old, difference.new
        if old is None:
            return Change(Kind.ADD, difference.dotted, f"serves {title} on port {new}")
        if new is None:
            return Change(Kind.REMOVE, difference.dotted, f"no longer serves {title} (port {old})")
        return Change(Kind.CHANGE, difference.dotted, f"moves {title} from port {old} to port {new}")

    return tell
