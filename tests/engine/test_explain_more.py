"""What goes wrong for real, in one office at the same time, is explained right; what takes long runs side by side."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from lab.peers.address import Hop
from lab.switchboard import Switchboard
from lab.topologies import EDGE_PUBLIC
from tests.engine import bad_days as days
from tests.engine.attackers import STRANGER, request
from tests.engine.odd_pbx import odd_pbx
from tests.engine.office import BRANCH, MARKS, Office, office

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = [*MARKS, pytest.mark.timeout(200)]

SCENES: dict[str, tuple[Callable[[days.Scene], Awaitable[str]], str, str]] = {
    "no ACK reaches the callee": (days.talk("noack", 40), "ack-lost", "between the edge and the callee"),
    "no ACK leaves the caller": (days.no_ack_from_the_caller, "ack-lost", "between the caller and the edge"),
    "silence of both": (days.talk("601", silent=True), "no-audio", "neither side"),
    "silence until the edge ends it": (days.talk("602", 40, silent=True), "media-timeout", "`media.timeout_seconds`"),
    "the callee sends nothing": (days.talk("603"), "one-way-audio", f"0 from the callee ({BRANCH})"),
    "audio refused": (days.talk("port0", 0.5), "audio-refused", "port 0"),
    "encrypted answer to a plain offer": (days.talk("savp", 0.5), "srtp-mismatch", "answered with sdes"),
    "a change is refused": (days.changed("refuses"), "reinvite-refused", "488"),
    "both change at once": (days.changed("glares"), "glare", "491 Request Pending"),
    "nobody answers": (days.refusal("rings"), "no-answer", "rang for 1"),
    "no reply at all": (days.refusal("unheard", "deaf.example.com"), "no-reply", "not even that it is trying"),
    "nothing is acceptable": (days.refusal("x606"), "no-common-codec", "got 606"),
    "the PBX fails": (days.refusal("x500"), "server-error", "500"),
    "too many calls in a second": (days.too_fast, "rate-limit", "`pbxs.slow.limits.calls_per_second`"),
    "the provider refuses": (days.out("0403"), "trunk-refused", "the number shown is not yours"),
    "the trunk is full": (days.out("0702", 2), "trunk-limit", "trunk narrow"),
    "the trunk is down": (days.trunk_is_down, "trunk-down", "trunk dead"),
    "too dear": (days.out("0411123"), "toll-fraud", "PBX odd refused the call"),
    "a phone that nobody knows": (days.to_nobody, "phone-unknown", "no Path"),
    "round the router": (days.behind_a_hairpin, "hairpin", "split DNS"),
    "no TLS where TLS is spoken": (days.no_tls, "tls-failed", "handshake"),
    "TLS of old": (days.old_phone, "tls-failed", "an old phone"),
    "no SIP where SIP is spoken": (days.no_sip, "malformed", "no SIP"),
    "no password": (days.never_answers_the_challenge, "no-password", "never answered the challenge"),
}
#: One after the other from one address: what was seen last is told.
SEEN: dict[str, tuple[bytes, str]] = {
    "unknown-domain": (request(domain="nowhere.example"), "nowhere.example"),
    "scanner": (request("OPTIONS", "example.com", "User-Agent: friendly-scanner", number=3), "scanner"),
    "injection": (request(user="1'or'1'='1", number=4), "database"),
}


async def seen(at: days.Scene) -> dict[str, str]:
    found = {}
    for cause, (packet, _) in SEEN.items():
        with at.place.net.socket("stranger") as sock:
            sock.sendto(packet, (EDGE_PUBLIC, 5060))
        found[cause] = await at.explained(STRANGER, cause)
    return found


async def played(place: Office) -> dict[str, str]:
    """All of them: what was said of each."""
    net = place.net
    # This router is to send back in what a phone of the LAN sends to the public address.
    for words in days.HAIRPIN:
        assert net.run("router", ("nft", *words.split("|"))).code == 0
    async with AsyncExitStack() as stack:
        odd = await stack.enter_async_context(odd_pbx(net, "pbx-branch", BRANCH, days.ODD))
        for host, address, port in (("pbx-hq-b", days.LOCKED, days.DEAF), ("phone-lan", days.LAN, days.SLOW)):
            await stack.enter_async_context(odd_pbx(net, host, address, port))
        provider = await stack.enter_async_context(odd_pbx(net, "provider", days.PROVIDER, 5060))
        at = days.Scene(place, odd, provider)
        await ready(place)

        async def one(name: str) -> str:
            does, cause, _ = SCENES[name]
            try:
                return await at.explained(await does(at), cause)
            except Exception as error:  # noqa: BLE001 - one scene's failure is that scene's
                return f"{type(error).__name__}: {error}"

        async with asyncio.timeout(days.LONGEST_S):
            said, evidence = await asyncio.gather(asyncio.gather(*map(one, SCENES)), seen(at))
    return dict(zip(SCENES, said, strict=True)) | evidence


async def ready(place: Office) -> None:
    """Until the edge knows who is there."""
    for _ in range(100):
        nodes = json.loads((await place.ask("status", "--json")).out)["nodes"]
        states = {node["pbx"]: node["state"] for node in nodes}
        if all(states[name] == "up" for name in ("hq", "odd", "deaf", "slow", "locked")):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"nodes: {states}")


@pytest.fixture(scope="module")
def said() -> Iterator[dict[str, str]]:
    with office(days.crowded()) as place:
        users = place.folder / "users.txt"
        users.write_text("eve:s3cret\n")
        listen, options = (Hop("udp", days.LOCKED, 5060),), ("--users", str(users))
        with Switchboard(place.net, "pbx-hq-b", place.folder, tone_hz=500, listen=listen, options=options):
            yield asyncio.run(played(place))


@pytest.mark.parametrize("name", SCENES)
def test_what_went_wrong_is_explained(said: dict[str, str], name: str) -> None:
    assert SCENES[name][2] in said[name], said[name]


@pytest.mark.parametrize("cause", SEEN)
def test_what_somebody_did_is_explained(said: dict[str, str], cause: str) -> None:
    assert SEEN[cause][1] in said[cause], said[cause]
