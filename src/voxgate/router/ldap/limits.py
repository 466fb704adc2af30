"""What one client may take of us: time, number, length. Pure."""

from __future__ import annotations

from typing import Final

#: A client that wants something binds at once.
FIRST_BIND_S: Final = 15.0
#: What a server may take to end after its client has.
LAST_ANSWERS_S: Final = 10.0
#: So much is refused on one connection, then it is closed.
PATIENCE: Final = 5
#: Binds that wait for their result. A client waits for each (RFC 4511, 4.2.1).
MOST_WAITING: Final = 8

#: A name and a password; Kerberos tickets, which are refused politely, reach 64 KiB.
LONGEST_BIND: Final = 1 << 16
#: slapd takes 4 MiB from a bound client (sockbuf_max_incoming_auth).
LONGEST_REQUEST: Final = 4 << 20
LONGEST_ANSWER: Final = (1 << 31) - 1
