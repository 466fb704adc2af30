"""A claim about whoever tries to break in: shut out of everything, with evidence, and nobody else with him."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lab.demo.claim import Outcome
from lab.demo.stage import EDGE_NAME
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    from lab.demo.stage import Stage

#: Another address of the host `stranger`, so that other claims' strangers stay as they are.
ATTACKER = "203.0.113.98"
TRIES = 30
BANNED_S = 10.0
QUIET_S = 1.0


def shut_out(stage: Stage) -> Outcome:
    """Guesses over TCP; then silence over UDP, TCP and TLS for the attacker, an answer for his neighbour."""
    stage.net.run("stranger", ["ip", "address", "add", f"{ATTACKER}/24", "dev", "eth0"])
    with Stranger(stage, 5073) as neighbour:
        _guess(stage, neighbour)
        began_s = time.monotonic()
        while not (case := _why(stage))["ban"] and time.monotonic() - began_s < BANNED_S:
            time.sleep(0.1)
        if not case["ban"]:
            return Outcome(False, f"{TRIES} guesses, and no ban")
        asked = neighbour.request("OPTIONS", f"sip:{EDGE_NAME}")
        neighbour.send(asked)
        answers = first_lines(received(neighbour.socket, quiet_s=0.2))
    open_to_him = [name for name, door in _doors(stage).items() if door]
    words = f"banned within {TRIES} guesses; then open to it: {', '.join(open_to_him) or 'nothing'}; "
    words += f"its neighbour gets {', '.join(answers) or 'nothing'}; why: {case['ban']['note']}"
    stage.edge.command("unban", ATTACKER)
    return Outcome(answers == ["SIP/2.0 200 OK"] and not open_to_him, words)


def _guess(stage: Stage, stranger: Stranger) -> None:
    """Ask for domains that might be there, over one TCP connection."""
    with closing(stage.net.socket("stranger", kind=socket.SOCK_STREAM)) as sock:
        sock.bind((ATTACKER, 0))
        sock.settimeout(QUIET_S)
        sock.connect((EDGE_PUBLIC, 5060))
        for number in range(TRIES):
            sock.sendall(stranger.request("REGISTER", f"sip:company{number}.example.net", way="TCP"))


def _why(stage: Stage) -> Any:
    return json.loads(stage.edge.command("why", ATTACKER, "--json").out)


def _doors(stage: Stage) -> dict[str, bool]:
    """Which ports still answer the attacker."""
    found = {}
    for name, port in (("TCP", 5060), ("TLS", 5061), ("HTTPS", 443)):
        with closing(stage.net.socket("stranger", kind=socket.SOCK_STREAM)) as sock:
            sock.bind((ATTACKER, 0))
            sock.settimeout(QUIET_S)
            found[name] = sock.connect_ex((EDGE_PUBLIC, port)) == 0
    return found
