"""Differences of LDAP as sentences for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.ldap import LdapListen, LdapTarget
from voxgate.plan.change import Change, Kind
from voxgate.plan.service_sentences import port_of, serves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.config.model import Config
    from voxgate.plan.change import Difference

TITLES = {"plain": "LDAP", "tls": "LDAPS"}


def first(config: Config) -> Iterator[Change]:
    """What a first start serves."""
    listen = config.listen.ldap
    for name, title in TITLES.items():
        if listen is not None and (port := getattr(listen, name)) is not None:
            yield Change(Kind.ADD, f"listen.ldap.{name}", f"serves {title} on port {port}")


def _listening(difference: Difference) -> Change:
    match difference.new:
        case LdapListen() as new:
            return Change(Kind.ADD, difference.dotted, serves(new, TITLES))
        case _:
            return Change(Kind.REMOVE, difference.dotted, "no longer serves LDAP")


def _target(difference: Difference) -> Change:
    pbx = difference.key[1]
    if isinstance(difference.new, LdapTarget):
        return Change(Kind.ADD, difference.dotted, f"PBX {pbx}: lets LDAP binds for its names through")
    return Change(Kind.REMOVE, difference.dotted, f"PBX {pbx}: lets no LDAP bind through any more")


TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    (("listen", "ldap"), _listening),
    (("listen", "ldap", "plain"), port_of(TITLES)),
    (("listen", "ldap", "tls"), port_of(TITLES)),
    (("pbxs", "*", "ldap"), _target),
)
#: Keys whose old and new value say it all.
NAMED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("listen", "ldap", "ipv4"), "LDAP over IPv4"),
    (("listen", "ldap", "ipv6"), "LDAP over IPv6"),
    (("listen", "ldap", "legacy_tls"), "old TLS for LDAPS"),
    (("pbxs", "*", "ldap", "plain"), "PBX {1}: its port for LDAP"),
    (("pbxs", "*", "ldap", "tls"), "PBX {1}: its port for LDAPS"),
    (("pbxs", "*", "ldap", "nodes"), "PBX {1}: its nodes for LDAP"),
    (("pbxs", "*", "ldap", "names"), "PBX {1}: its LDAP domains"),
    (("pbxs", "*", "ldap", "allow_from"), "PBX {1}: networks for LDAP"),
    (("pbxs", "*", "ldap", "verify_certificate"), "PBX {1}: check of its certificate for LDAPS"),
)
