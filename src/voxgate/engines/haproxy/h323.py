"""H.323 in HAProxy: its ports. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.engines.haproxy.stream import Stream, stream_fragment

if TYPE_CHECKING:
    from voxgate.engines.haproxy.fragment import Fragment, Ground


def fragment(ground: Ground) -> Fragment | None:
    """The listeners of H.323."""
    listen = ground.config.listen.h323
    if listen is None:
        return None
    versions = frozenset(number for number, on in ((4, listen.ipv4), (6, listen.ipv6)) if on)
    return stream_fragment(Stream("h323", "H.323", listen.plain, listen.tls, versions, listen.legacy_tls), ground)
