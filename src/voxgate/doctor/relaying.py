"""Audio through the media relay between two ports of this machine, without a PBX. Blocks for a second."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import TYPE_CHECKING, Final

from voxgate.doctor import audio
from voxgate.doctor.asking import bind
from voxgate.doctor.facts import Port
from voxgate.engines.rtpengine import NG_PORT
from voxgate.errors import VoxgateError
from voxgate.wire.ng import NgClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.network import SideAddress
    from voxgate.plan.desired import Desired
    from voxgate.wire.ng import Value

_PACKETS: Final = 25
_FRAME_S: Final = 0.02
_PATIENCE_S: Final = 1.0


def relays(desired: Desired) -> Iterator[Port]:
    """One for each interface of the relay: two voices that talk through it."""
    seen = set()
    for side in desired.network.sides:
        if side.local not in seen and any(one.name == "rtpengine" for one in desired.engines):
            seen.add(side.local)
            try:
                error = asyncio.run(_relayed(side))
            except (VoxgateError, OSError, ValueError, KeyError) as failed:
                error = getattr(failed, "strerror", None) or str(failed) or type(failed).__name__
            yield Port("udp", str(side.local), "audio through the media relay", error)


async def _relayed(side: SideAddress) -> str:
    """Why audio does not pass; empty: it does, both ways."""
    local = str(side.local)
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    name = "inside" if side.side.value.startswith("i") else "outside"
    one, other = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    with one, other:
        for sock in (one, other):
            bind(sock, local)
            sock.setblocking(False)
        async with NgClient("127.0.0.1", NG_PORT) as relay:
            known: dict[str, Value] = {"call-id": f"doctor-{secrets.token_hex(8)}", "from-tag": "one"}
            ways: dict[str, Value] = {"direction": [name, name], "replace": ["origin", "session-connection"]}
            try:
                offered = await relay.request("offer", {**known, **ways, "sdp": _sdp(one, local), "ICE": "remove"})
                answering = {**known, **ways, "to-tag": "other", "sdp": _sdp(other, local), "ICE": "remove"}
                answered = await relay.request("answer", answering)
                heard = await _talk((one, _port(answered)), (other, _port(offered)), local)
            finally:
                await relay.request("delete", known)
    missing = [f"{count} of {_PACKETS} packets came {way}" for way, count in zip(("there", "back"), heard, strict=True)
               if count < _PACKETS * 3 // 4]  # fmt: skip
    return ", ".join(missing)


async def _talk(one: tuple[socket.socket, int], other: tuple[socket.socket, int], local: str) -> tuple[int, int]:
    """How many packets arrived at the other, and at the one."""
    loop = asyncio.get_running_loop()
    heard = [0, 0]

    async def listen(sock: socket.socket, at: int) -> None:
        while heard[at] < _PACKETS:
            heard[at] += audio.sequence_of(await loop.sock_recv(sock, 2048)) is not None

    ears = [loop.create_task(listen(other[0], 0)), loop.create_task(listen(one[0], 1))]
    for number in range(_PACKETS + 5):
        for sock, port in (one, other):
            # An address with a port where nobody is any more is told by the next call.
            await loop.sock_sendto(sock, audio.packet(number, port), (local, port))
        await asyncio.sleep(_FRAME_S)
    _, left = await asyncio.wait(ears, timeout=_PATIENCE_S)
    for task in left:
        task.cancel()
    await asyncio.gather(*ears, return_exceptions=True)
    return heard[0], heard[1]


def _sdp(sock: socket.socket, local: str) -> str:
    kind = "IP6" if ":" in local else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN {kind} {local}\r\ns=-\r\nc=IN {kind} {local}\r\nt=0 0\r\n"
        f"m=audio {sock.getsockname()[1]} RTP/AVP {audio.PCMA}\r\n"
    )


def _port(answer: dict[str, Value]) -> int:
    """The audio's port in an SDP of the relay."""
    body = answer["sdp"]
    text = body.decode("ascii", "replace") if isinstance(body, bytes) else str(body)
    return int(text.partition("m=audio ")[2].split(" ", 1)[0])
