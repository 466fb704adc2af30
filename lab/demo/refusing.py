"""Claims about what the edge does not do: a stranger on the internet gets nothing from it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, EDGE_NAME
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import EDGE_LAN, EDGE_PUBLIC

if TYPE_CHECKING:
    from lab.demo.stage import Stage

QUIET_S = 1.5
VICTIM = "provider"
"""The host that an open relay would be used against."""


def unknown_domain(stage: Stage) -> Outcome:
    """Requests for a domain that nobody here has; the edge's own name does answer, so silence is no dead line."""
    methods = ("OPTIONS", "REGISTER", "INVITE")
    with Stranger(stage, 5071) as stranger:
        stranger.send(*(stranger.request(method, "sip:100@nobody.example.net") for method in methods))
        stranger.send(stranger.request("OPTIONS", f"sip:{EDGE_NAME}"))
        answers = first_lines(received(stranger.socket, quiet_s=QUIET_S))
    words = f"{len(methods)} requests and one to the edge's own name: answered {', '.join(answers) or 'nothing'}"
    return Outcome(answers == ["SIP/2.0 200 OK"], words)


def no_open_relay(stage: Stage) -> Outcome:
    """Requests that would have the edge send to somebody else on the internet."""
    there = stage.net.host(VICTIM).ipv4()
    target = f"sip:100@{there}:5060"
    route = f"Route: <sip:{EDGE_PUBLIC}:5060;lr>, <sip:{there}:5060;lr>"
    as_from_lan = f"Route: <sip:{EDGE_LAN}:5060;lr;e=i4udp>, <sip:{there}:5060;lr>"
    with Stranger(stage, 5072) as stranger, closing(stage.net.socket(VICTIM)) as victim:
        victim.bind((there, 5060))
        tries = (
            stranger.request("INVITE", target),
            stranger.request("INVITE", target, route),
            stranger.request("OPTIONS", f"sip:{BRANCH}", route),
            stranger.request("MESSAGE", target, route),
            stranger.request("BYE", target, in_dialog=True),
            stranger.request("BYE", target, route, in_dialog=True),
            stranger.request("BYE", target, as_from_lan, in_dialog=True),
        )
        stranger.send(*tries)
        # The victim does listen: what comes to it directly arrives.
        stranger.send(b"directly\r\n", to=(there, 5060))
        arrived = first_lines(received(victim, quiet_s=QUIET_S))
    through = [line for line in arrived if line != "directly"]
    words = f"{len(tries)} tries, {len(through)} reached the other address ({', '.join(through) or 'which listens'})"
    return Outcome(arrived == ["directly"], words)
