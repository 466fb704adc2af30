"""Differences of H.323 as sentences for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.h323 import H323Listen, H323Target
from voxgate.plan.change import Change, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.config.model import Config
    from voxgate.plan.change import Difference

TITLES = {"plain": "H.323/TCP", "tls": "H.323/TLS"}


def first(config: Config) -> Iterator[Change]:
    """What a first start serves."""
    if listen := config.listen.h323:
        yield Change(Kind.ADD, "listen.h323", f"serves {_ports(listen)}")


def _ports(listen: H323Listen) -> str:
    return " and ".join(f"{title} on port {port}" for key, title in TITLES.items() if (port := getattr(listen, key)))


def _listening(difference: Difference) -> Change:
    if isinstance(difference.new, H323Listen):
        return Change(Kind.ADD, difference.dotted, f"serves {_ports(difference.new)}")
    return Change(Kind.REMOVE, difference.dotted, "no longer serves H.323")


def _port(difference: Difference) -> Change:
    title = TITLES[difference.key[-1]]
    if difference.old is None:
        return Change(Kind.ADD, difference.dotted, f"serves {title} on port {difference.new}")
    if difference.new is None:
        return Change(Kind.REMOVE, difference.dotted, f"no longer serves {title} (port {difference.old})")
    return Change(Kind.CHANGE, difference.dotted, f"moves {title} from port {difference.old} to port {difference.new}")


def _target(difference: Difference) -> Change:
    pbx = difference.key[1]
    if isinstance(difference.new, H323Target):
        return Change(Kind.ADD, difference.dotted, f"PBX {pbx}: lets H.323 for its gatekeeper IDs through")
    return Change(Kind.REMOVE, difference.dotted, f"PBX {pbx}: lets no H.323 through any more")


TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    (("listen", "h323"), _listening),
    (("listen", "h323", "plain"), _port),
    (("listen", "h323", "tls"), _port),
    (("pbxs", "*", "h323"), _target),
)
#: Keys whose old and new value say it all.
NAMED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("listen", "h323", "ipv4"), "H.323 over IPv4"),
    (("listen", "h323", "ipv6"), "H.323 over IPv6"),
    (("listen", "h323", "legacy_tls"), "old TLS for H.323/TLS"),
    (("pbxs", "*", "h323", "plain"), "PBX {1}: its port for H.323/TCP"),
    (("pbxs", "*", "h323", "tls"), "PBX {1}: its port for H.323/TLS"),
    (("pbxs", "*", "h323", "nodes"), "PBX {1}: its nodes for H.323"),
    (("pbxs", "*", "h323", "names"), "PBX {1}: its gatekeeper IDs"),
    (("pbxs", "*", "h323", "allow_from"), "PBX {1}: networks for H.323"),
    (("pbxs", "*", "h323", "check_certificate"), "PBX {1}: check of phones' certificates for H.323"),
    (("pbxs", "*", "h323", "verify_certificate"), "PBX {1}: check of its certificate for H.323/TLS"),
)
