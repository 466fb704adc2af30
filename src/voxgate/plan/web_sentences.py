"""Differences of HTTP as sentences for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.web import HttpListen, HttpTarget
from voxgate.plan.change import Change, Kind
from voxgate.plan.service_sentences import port_of, serves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.config.model import Config
    from voxgate.plan.change import Difference

NAMES = {"plain": "HTTP", "tls": "HTTPS"}


def first(config: Config) -> Iterator[Change]:
    """What a first start serves."""
    if config.listen.http:
        yield from ports("listen.http", config.listen.http)


def ports(key: str, listen: HttpListen) -> Iterator[Change]:
    """One sentence for each port."""
    for name, title in NAMES.items():
        if (port := getattr(listen, name)) is not None:
            yield Change(Kind.ADD, f"{key}.{name}", f"serves {title} on port {port}")


def listening(difference: Difference) -> Change:
    """HTTP comes or goes as a whole."""
    match difference.old, difference.new:
        case None, HttpListen() as new:
            return Change(Kind.ADD, difference.dotted, serves(new, NAMES))
        case _:
            return Change(Kind.REMOVE, difference.dotted, "no longer serves HTTP")


def target(difference: Difference) -> Change:
    """A PBX takes HTTP, or no longer."""
    pbx = difference.key[1]
    match difference.new:
        case HttpTarget() as new:
            return Change(Kind.ADD, difference.dotted, f"PBX {pbx}: lets through {_listed(new.allow_urls)} over HTTP")
        case _:
            return Change(Kind.REMOVE, difference.dotted, f"PBX {pbx}: lets nothing through over HTTP any more")


def _entries(what: str) -> Callable[[Difference], Change]:
    """What is let through now and was not, and the other way round."""

    def tell(difference: Difference) -> Change:
        old, new = ([str(one) for one in side] for side in (_tuple(difference.old), _tuple(difference.new)))
        came, went = [one for one in new if one not in old], [one for one in old if one not in new]
        parts = [f"{word} {_listed(found)}" for word, found in (("adds", came), ("removes", went)) if found]
        pbx = difference.key[1]
        # From no list to a list, and back: everybody or the PBX's own.
        said = "; ".join(parts) or "other order"
        kind = Kind.CHANGE if (came and went) or not parts else Kind.ADD if came else Kind.REMOVE
        return Change(kind, difference.dotted, f"PBX {pbx}: {what}: {said}{_default(difference)}")

    return tell


def _default(difference: Difference) -> str:
    ends = {"allow_from": "every network may come now", "names": "all names of the PBX now"}
    return f" ({ends[difference.key[-1]]})" if not difference.new and difference.key[-1] in ends else ""


def _tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()


def _listed(items: object) -> str:
    texts = [str(item) for item in _tuple(items) or (items if isinstance(items, list) else ())]
    return (", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")) or "nothing"


TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    (("listen", "http"), listening),
    (("listen", "http", "plain"), port_of(NAMES)),
    (("listen", "http", "tls"), port_of(NAMES)),
    (("pbxs", "*", "http"), target),
    (("pbxs", "*", "http", "names"), _entries("hosts")),
    (("pbxs", "*", "http", "allow_urls"), _entries("URLs")),
    (("pbxs", "*", "http", "allow_from"), _entries("networks for HTTP")),
)
#: Keys whose old and new value say it all.
SAYINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("listen", "http", "ipv4"), "HTTP over IPv4"),
    (("listen", "http", "ipv6"), "HTTP over IPv6"),
    (("listen", "http", "legacy_tls"), "old TLS for HTTPS"),
    (("access_log", "forwarded"), "access log of forwarded requests"),
    (("access_log", "rejected"), "access log of rejected requests"),
    (("access_log", "megabytes"), "megabytes of the access log"),
    (("pbxs", "*", "http", "plain"), "PBX {1}: its port for HTTP"),
    (("pbxs", "*", "http", "tls"), "PBX {1}: its port for HTTPS"),
    (("pbxs", "*", "http", "nodes"), "PBX {1}: its nodes for HTTP"),
    (("pbxs", "*", "http", "spread"), "PBX {1}: spread of HTTP over its nodes"),
    (("pbxs", "*", "http", "pass_tls"), "PBX {1}: TLS passed through"),
    (("pbxs", "*", "http", "verify_certificate"), "PBX {1}: check of its own certificate"),
)
