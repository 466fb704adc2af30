"""The claim that a browser calls through the TURN server alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.demo import browsing
from lab.demo.stage import EDGE_NAME
from lab.edge import Kept
from lab.peers.address import bracketed
from lab.phones.chromium import Ice

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.demo.claim import Outcome
    from lab.demo.stage import Stage

#: For the edge's file: credentials that expire, over UDP, TCP and TLS.
TURN = {"tls_port": 5349, "shared_secret": Kept("turn-rest", "only for the lab, and never elsewhere")}


def relay_only(stage: Stage, host: str, transport: str, user: str) -> Ice:
    """What a page is told that may use TURN alone, over that transport: as its server asks `voxgate` for it."""
    done = stage.edge.command("turn", "credentials", str(stage.edge.file), "--user", user, "--json")
    (server,) = json.loads(done.out)["ice_servers"]
    # Chromium asks DNS alone for a TURN server's name, and there is none here.
    named = [url.replace(EDGE_NAME, bracketed(stage.way(host, "wss").host)) for url in server["urls"]]
    ending = f"transport={'udp' if transport == 'udp' else 'tcp'}"
    scheme = "turns:" if transport == "tls" else "turn:"
    urls = [url for url in named if url.startswith(scheme) and url.endswith(ending)]
    return Ice(({**server, "urls": urls},), "relay")


def calls(host: str, transport: str) -> Callable[[Stage], Outcome]:
    """The page registers and calls a number of its PBX."""
    return browsing.calls(host, lambda stage, user: relay_only(stage, host, transport, user))
