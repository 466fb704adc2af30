"""Differences of H.323 as sentences for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.h323 import H323Listen, H323Target
from voxgate.plan.change import Change, Kind
from voxgate.plan.service_sentences import port_of, serves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.config.model import Config
    from voxgate.plan.change import Difference

TITLES = {"plain": "H.323/TCP", "tls": "H.323/TLS"}


def first(config: Config) -> Iterator[Change]:
    """What a first start serves."""
    if listen := config.listen.h323:
        yield Change(Kind.ADD, "listen.h323", serves(listen, TITLES))


def _listening(difference: Difference) -> Change:
    if isinstance(difference.new, H323Listen):
        return Change(Kind.ADD, difference.dotted, serves(difference.new, TITLES))
    return Change(Kind.REMOVE, difference.dotted, "no longer serves H.323")


def _target(difference: Difference) -> Change:
    pbx = difference.key[1]
    if isinstance(difference.new, H323Target):
        return Change(Kind.ADD, difference.dotted, f"PBX {pbx}: lets H.323 for its gatekeeper IDs through")
    return Change(Kind.REMOVE, difference.dotted, f"PBX {pbx}: lets no H.323 through any more")


TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    (("listen", "h323"), _listening),
    (("listen", "h323", "plain"), port_of(TITLES)),
    (("listen", "h323", "tls"), port_of(TITLES)),
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
