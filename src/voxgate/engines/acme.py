"""What HAProxy and the certificates' part of the edge agree on about ACME's questions on port 80. Pure."""

from __future__ import annotations

from typing import Final

#: Where HAProxy passes the questions on to: an address of its own on loopback, where we listen while an order runs.
ADDRESS: Final = "127.88.0.3"
PORT: Final = 2226
#: RFC 8555 section 8.3.
PATH: Final = "/.well-known/acme-challenge/"
WELL_KNOWN_PORT: Final = 80
