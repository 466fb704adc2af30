"""A claim about whoever tries to break in: shut out of everything, with evidence, and nobody else with him."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lab.demo.claim import Outcome
from lab.demo.stage import EDGE_NAME
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.demo.stage import Stage

#: Another address of the host `stranger`, so that other claims' strangers stay as they are.
ATTACKER = "203.0.113.98"
#: Of each kind: together they are too many, none of them alone.
TRIES = 7
#: Speak TLS; what comes is none.
SECURE = {"HTTPS": 443, "LDAPS": 636, "H.323": 1300}
DOORS = {"SIP": 5060, "HTTPS": 443, "LDAPS": 636, "H.323": 1720, "TURN": 3478}
BANNED_S = 10.0
QUIET_S = 1.0


def shut_out(stage: Stage) -> Outcome:
    """A little of everything over four protocols; then silence from all of them, an answer for the neighbour."""
    stage.net.run("stranger", ["ip", "address", "add", f"{ATTACKER}/24", "dev", "eth0"])
    with Stranger(stage, 5073) as neighbour:
        _guess(stage, neighbour)
        began_s = time.monotonic()
        while not (case := _why(stage))["ban"] and time.monotonic() - began_s < BANNED_S:
            time.sleep(0.1)
        if not case["ban"]:
            return Outcome(False, f"{TRIES * (1 + len(SECURE))} tries, and no ban")
        asked = neighbour.request("OPTIONS", f"sip:{EDGE_NAME}")
        neighbour.send(asked)
        answers = first_lines(received(neighbour.socket, quiet_s=0.2))
    open_to_him = [name for name, door in _doors(stage).items() if door]
    words = f"why: {case['ban']['note']}; then open to it: {', '.join(open_to_him) or 'nothing'} "
    words += f"of {', '.join(DOORS)}; its neighbour gets {', '.join(answers) or 'nothing'}"
    stage.edge.command("unban", ATTACKER)
    return Outcome(answers == ["SIP/2.0 200 OK"] and not open_to_him, words)


def _guess(stage: Stage, stranger: Stranger) -> None:
    """Ask for domains that might be there, over one TCP connection; and speak HTTP where it is not spoken."""
    with _connected(stage, 5060) as sock:
        for number in range(TRIES):
            sock.sendall(stranger.request("REGISTER", f"sip:company{number}.example.net", way="TCP"))
    # Who is banned meanwhile gets no connection any more.
    with suppress(TimeoutError, ConnectionError):
        for port in list(SECURE.values()) * TRIES:
            with _connected(stage, port) as sock:
                sock.sendall(b"GET /admin HTTP/1.0\r\n\r\n")
                sock.recv(100)


@contextmanager
def _connected(stage: Stage, port: int) -> Iterator[socket.socket]:
    with closing(stage.net.socket("stranger", kind=socket.SOCK_STREAM)) as sock:
        sock.bind((ATTACKER, 0))
        sock.settimeout(QUIET_S)
        sock.connect((EDGE_PUBLIC, port))
        yield sock


def _why(stage: Stage) -> Any:
    return json.loads(stage.edge.command("why", ATTACKER, "--json").out)


def _doors(stage: Stage) -> dict[str, bool]:
    """Which ports still answer the attacker."""
    found = {}
    for name, port in DOORS.items():
        found[name] = False
        with suppress(TimeoutError), _connected(stage, port):
            found[name] = True
    return found
