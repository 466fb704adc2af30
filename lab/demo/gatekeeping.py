"""The claim about H.323: one registration at each of two PBXs, by gatekeeper ID, from behind NAT."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, EDGE_NAME, HQ, edge_address, node
from lab.peers.h323.endpoint import Endpoint, GoneError, RejectedError
from lab.switchboard import Gatekeeper
from lab.topologies import BEHIND_NAT

if TYPE_CHECKING:
    from lab.demo.stage import Stage

HOST = "phone-hotel"
PORTS = {"plain": 1720, "tls": 1300}
#: PBX -> its host, its gatekeeper ID, whether the phone comes over TLS.
BRANCH_ID = f"{HQ}/branch"
CASES = (("hq", "pbx-hq-a", HQ, False), ("branch", "pbx-branch", BRANCH_ID, True))


def pbxs() -> dict[str, Any]:
    """The PBXs of the stage with H.323; the gatekeepers are there during their own claim only."""
    hq = [node(BEHIND_NAT, host) for host in ("pbx-hq-a", "pbx-hq-b")]
    return {
        "hq": {"names": [HQ], "nodes": hq, "h323": {"nodes": hq[:1], "plain": PORTS["plain"]}},
        "branch": {
            "names": [BRANCH, BRANCH_ID],
            "nodes": [node(BEHIND_NAT, "pbx-branch")],
            "h323": {"plain": PORTS["plain"]},
        },
    }


def by_id(stage: Stage) -> Outcome:
    """Both PBXs run; each phone registers with its password, and the other PBX hears nothing of it."""
    topology = stage.net.topology
    made = [
        Gatekeeper(stage.net, host, stage.folder, own, address=node(topology, host), options=("--user", "anna=pass"))
        for _, host, own, _ in CASES
    ]
    with made[0], made[1]:
        try:
            confirmed = [_register(stage, own, tls=tls) for _, _, own, tls in CASES]
        except (RejectedError, GoneError, OSError) as error:
            return Outcome(False, f"{type(error).__name__}: {error}")
        seen = [[event["asked"] for event in one.events("registered")] for one in made]
        strangers = [event for one in made for event in one.events("stranger")]
    ids = [own for _, _, own, _ in CASES]
    held = confirmed == ids and seen == [[own] for own in ids] and not strangers
    words = ", ".join(f"{own} confirmed by {name}" for (name, *_), own in zip(CASES, confirmed, strict=True))
    return Outcome(held, f"{words}; each PBX saw only its own")


def _register(stage: Stage, gatekeeper_id: str, *, tls: bool) -> str:
    context = ssl.create_default_context(cafile=str(stage.ca)) if tls else None
    address = edge_address(stage.net.topology, HOST)
    port = PORTS["tls" if tls else "plain"]
    with Endpoint(stage.net.maker(HOST), address, port, tls=context, name=EDGE_NAME) as phone:
        return phone.register(gatekeeper_id, "anna", password="pass")  # noqa: S106 - of a throwaway PBX
