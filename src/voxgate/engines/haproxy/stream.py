"""Services that our router reads, LDAP and H.323: HAProxy ends their TLS and tells the router who came. Pure.

    client --tcp/tls--> HAProxy --PROXY v2: source, port, certificate facts--> router --tcp--> PBX
                                 router --PROXY v2: destination = PBX, authority = its name--> HAProxy --tls--> PBX

Both sides of the router are unix sockets in folders that only the two may enter (engines/router.py):

    run/to-router/NAME-N.sock               plain connections and those whose TLS HAProxy ended; which, the header says
    run/from-router/NAME-starttls.sock      the router hands a connection back for TLS to begin in it
    run/from-router/pbx-tls.sock            TLS to the PBX that the header's destination names
    run/from-router/pbx-tls-verified.sock   the same where the PBX's certificate must be good for the header's authority
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.engines.haproxy import access
from voxgate.engines.haproxy.fragment import Fragment, bind
from voxgate.engines.haproxy.tls import PBXS_CA, bind_tls
from voxgate.engines.render import render
from voxgate.engines.router import FROM_ROUTER, TLS, TLS_VERIFIED, front

if TYPE_CHECKING:
    from voxgate.engines.base import Listener
    from voxgate.engines.haproxy.fragment import Ground

_BOTH: Final = frozenset({4, 6})
#: Connections without TLS cost HAProxy little: a thread takes some 8,000 new ones a second, and is woken up for several
#: of them at once. Handshakes are spread over all threads.
PLAIN: Final = "thread 1"
#: In LDAP and in H.323 it is the client that begins: it is taken when its first bytes are there, or after a second.
TALKS_FIRST: Final = "defer-accept"
#: Connections that one process of the router has before the next one is asked; the last one takes all that are left.
FULL: Final = 1000


@dataclass(frozen=True, slots=True)
class Stream:
    """One service. `name` is its protocol, `title` what people call it; a port that is None accepts nothing."""

    name: str
    title: str
    plain: int | None
    tls: int | None
    versions: frozenset[int] = _BOTH
    legacy_tls: bool = False
    start_tls: bool = False
    connections: int = 12_000


def stream_fragment(stream: Stream, ground: Ground) -> Fragment:
    """The listeners of `stream` and the way to the router."""
    plain = ground.listeners("tcp", stream.plain, stream.title, stream.versions)
    secure = ground.listeners("tls", stream.tls, f"{stream.title} over TLS", stream.versions)
    words = bind_tls(ground, legacy=stream.legacy_tls, client_certificates=True)
    doors = [
        (f"{stream.name}_plain", _binds(plain, PLAIN), access_lines(stream.name)),
        (f"{stream.name}_tls", _binds(secure, words), access_lines(f"{stream.name}s")),
    ]
    if stream.start_tls and plain:
        handed_back = (
            f"unix@{ground.places.run / FROM_ROUTER}/{stream.name}-starttls.sock mode 666 accept-proxy {words}"
        )
        doors.append((f"{stream.name}_starttls", [handed_back], access_lines(f"{stream.name}s")))
    text = render(
        "haproxy/stream.cfg",
        folder=ground.folder,
        doors=[door for door in doors if door[1]],
        backend=f"{stream.name}_router",
        routers=[front(ground.places, stream.name, number + 1) for number in range(ground.routers)],
        full=FULL,
    )
    return Fragment(text, (*plain, *secure), connections=stream.connections)


def _binds(listeners: tuple[Listener, ...], words: str) -> list[str]:
    return [f"{bind(one)} {TALKS_FIRST} {words}" for one in listeners]


def targets_fragment(ground: Ground) -> Fragment:
    """TLS from the router to PBXs; once, whatever number of services uses it."""
    doors = [("pbx_tls", TLS, "verify none")]
    if ground.pbxs_ca:
        # With `sni` and no `verifyhost`, the certificate must be for that very name.
        doors.append(("pbx_tls_verified", TLS_VERIFIED, f"verify required ca-file {ground.folder / PBXS_CA}"))
    return Fragment(render("haproxy/targets.cfg", folder=ground.places.run / FROM_ROUTER, doors=doors), ())


def access_lines(protocol: str) -> tuple[str, str]:
    """What a connection that did not reach the router leaves in the access log."""
    return access.stream_line(protocol), access.error_line(protocol)
