"""Contradictions around the section `admin`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.turncheck import own_ports, served_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.parts import Parts
    from voxgate.config.places import Places
    from voxgate.errors import Problem


def admin_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every one of them."""
    admin = parts.admin
    if admin is None:
        return
    taken = dict(served_ports(parts.listen)) if parts.listen else {}
    if parts.turn:
        taken |= {port: f"turn.{key}" for key, port in own_ports(parts.turn)}
    path = places.written(("admin", "listen"))
    if owner := taken.get(admin.listen.port):
        message = f"port {admin.listen.port} is that of {owner}, which strangers may reach"
        yield places.problem(path, message, "give the web page and the API a port of their own, 8440 as a rule")
    if not admin.https and not admin.listen.address.is_loopback:
        message = f"passwords and tokens would cross the network to {admin.listen.address} in clear text"
        yield places.problem(("admin", "tls"), message, "leave tls out, or listen on 127.0.0.1")
