"""LDAP in HAProxy: its ports, StartTLS, and TLS towards PBXs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.engines.haproxy.stream import Stream, stream_fragment

if TYPE_CHECKING:
    from voxgate.engines.haproxy.fragment import Fragment, Ground


def fragment(ground: Ground) -> Fragment | None:
    """The listeners of LDAP."""
    listen = ground.config.listen.ldap
    if listen is None:
        return None
    versions = frozenset(number for number, on in ((4, listen.ipv4), (6, listen.ipv6)) if on)
    stream = Stream("ldap", "LDAP", listen.plain, listen.tls, versions, listen.legacy_tls, start_tls=True)
    return stream_fragment(stream, ground)
