"""What Kamailio and the tracer must agree on: where captured messages come from, and where they go. Pure.

Kamailio sends them from a socket of its own on loopback, so that it works whatever transports are served, and so that
no other program of this machine can speak for it.
"""

from __future__ import annotations

from typing import Final

#: Kamailio's socket, an address of its own; and the tracer's.
SOURCE: Final = ("127.88.0.1", 2226)
TARGET: Final = ("127.88.0.1", 2227)
