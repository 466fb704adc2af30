"""What is wrong alike with any service that has a plain port and one for TLS: HTTP, LDAP, H.323. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.places import Path, Places
    from voxgate.errors import Problem


class Service(NamedTuple):
    """Its key in the file and its name, the titles of its two forms, their usual ports, and where TLS belongs."""

    key: str
    name: str
    titles: tuple[str, str]
    plain: int
    tls: int
    hint: str


class Target(Protocol):
    """The ports of one side."""

    @property
    def plain(self) -> int | None:
        """Without TLS."""

    @property
    def tls(self) -> int | None:
        """With TLS."""


class Listen(Target, Protocol):
    """The edge's own ports."""

    @property
    def ipv4(self) -> bool:
        """Served over IPv4."""

    @property
    def ipv6(self) -> bool:
        """Served over IPv6."""


def listening_problems(service: Service, listen: Listen, places: Places) -> Iterator[Problem]:
    """Contradictions in the ports that the edge listens on."""
    path: Path = ("listen", service.key)
    if listen.plain is None and listen.tls is None:
        advice = f"write {service.key}: {{plain: {service.plain}, tls: {service.tls}}}, or leave {service.key} out"
        yield places.problem(path, "names no port", advice)
    if not listen.ipv4 and not listen.ipv6:
        yield places.problem((*path, "ipv6"), "neither IPv4 nor IPv6 is left", "switch one of them on")
    if listen.tls is not None and listen.tls == listen.plain:
        message = f"port {listen.tls} cannot serve {' and '.join(service.titles)} both"
        yield places.problem((*path, "tls"), message, service.hint)


def target_problems(service: Service, path: Path, target: Target, places: Places) -> Iterator[Problem]:
    """Contradictions in the ports of a PBX."""
    if target.plain is None and target.tls is None:
        advice = f"write plain: {service.plain} or tls: {service.tls}"
        yield places.problem(path, "names no port of the PBX", advice)
    if target.tls is not None and target.tls == target.plain:
        message = f"port {target.tls} cannot take plain {service.name} and TLS both"
        yield places.problem((*path, "tls"), message, "leave out the one it has not")
