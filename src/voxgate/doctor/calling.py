"""A call with audio through the edge's own SIP port, as a phone on this machine makes it. Blocks for some seconds."""

from __future__ import annotations

import random
import secrets
import select
import socket
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from voxgate.doctor import audio
from voxgate.doctor.asking import bind
from voxgate.doctor.facts import TestCall
from voxgate.doctor.sip_call import Dialog, Reply, reply_of
from voxgate_sip.digest import Account, answer, challenge_of

if TYPE_CHECKING:
    from voxgate.doctor.asking import Where

#: RFC 3261 section 17.1.1.2: T1, doubled.
_AGAIN_S: Final = (0.5, 1.0, 2.0, 4.0)
_RING_S: Final = 15.0
_TALK_S: Final = 3.0
_END_S: Final = 2.0
_FRAME_S: Final = 0.02
#: Echoes need a moment to begin.
_SETTLED: Final = 25


def call(where: Where, callee: str, user: str, password: str) -> TestCall:
    """What came of it. `where` is a listener of the edge for SIP over UDP, on one of its own addresses."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with ExitStack() as stack:
        sip, rtp = (stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(2))
        try:
            for sock in (sip, rtp):
                bind(sock, where[0])
            sip.connect(where)
            own = sip.getsockname()
            dialog = Dialog(callee, user, (own[0], own[1]), rtp.getsockname()[1], secrets.token_hex(8))
            return _called(sip, rtp, dialog, password)
        except (OSError, UnicodeError) as error:
            return TestCall(callee, error=getattr(error, "strerror", None) or "what came is no SIP")


def _called(sip: socket.socket, rtp: socket.socket, dialog: Dialog, password: str) -> TestCall:
    reply = _ask(sip, dialog, "INVITE", _RING_S)
    if reply and reply.code in {401, 407} and reply.challenge and password:
        _acknowledge(sip, dialog, reply)
        try:
            header, asked = reply.challenge
            account = Account(dialog.user, password)
            said = answer(challenge_of(asked), account, "INVITE", f"sip:{dialog.callee}", secrets.token_hex(8))
        except ValueError as error:
            return TestCall(dialog.callee, reply.code, f"a challenge that cannot be answered ({error})")
        dialog.credentials, dialog.number = (header, said), dialog.number + 1
        reply = _ask(sip, dialog, "INVITE", _RING_S)
    if reply is None or reply.code < 200:
        sip.send(dialog.request("CANCEL"))
        return TestCall(dialog.callee, reply.code if reply else 0, "nobody answers" if reply else "")
    if reply.code >= 300:
        _acknowledge(sip, dialog, reply)
        return TestCall(dialog.callee, reply.code, reply.reason)
    dialog.to, dialog.target, dialog.routes = reply.to, reply.contact or f"sip:{dialog.callee}", reply.routes
    sip.send(dialog.request("ACK"))
    try:
        heard = _talk(rtp, reply.media) if reply.media[1] else []
    finally:
        dialog.number += 1
        _ask(sip, dialog, "BYE", _END_S)
    numbers = [number for number, _ in heard]
    echoes = audio.has_tone([payload for _, payload in heard[_SETTLED:]])
    return TestCall(dialog.callee, reply.code, reply.reason, len(heard), audio.lost(numbers), echoes)


def _acknowledge(sip: socket.socket, dialog: Dialog, reply: Reply) -> None:
    """An ACK for a refusal belongs to the INVITE's transaction, with the To of the refusal."""
    was, dialog.to = dialog.to, reply.to
    sip.send(dialog.request("ACK"))
    dialog.to = was


def _ask(sip: socket.socket, dialog: Dialog, method: str, patience_s: float) -> Reply | None:
    """Send it, again while nothing comes; gives the final reply, else the last one."""
    asked = dialog.request(method)
    begin = time.monotonic()
    again = iter(_AGAIN_S)
    next_s, seen = begin, None
    while (now := time.monotonic()) - begin < patience_s:
        if seen is None and now >= next_s:
            sip.send(asked)
            next_s = now + next(again, patience_s)
        sip.settimeout(max(0.01, min(begin + patience_s, next_s if seen is None else begin + patience_s) - now))
        with suppress(TimeoutError):
            reply = reply_of(sip.recv(65_535), dialog.token)
            if reply and reply.method == method:
                seen = reply
                if reply.code >= 200:
                    return reply
    return seen


def _talk(rtp: socket.socket, media: Where) -> list[tuple[int, bytes]]:
    """Say the tone and listen: numbers and payloads of what is heard."""
    source = random.getrandbits(32)
    heard: list[tuple[int, bytes]] = []
    begin = time.monotonic()
    for number in range(round(_TALK_S / _FRAME_S)):
        rtp.sendto(audio.packet(number, source), media)
        until_s = begin + (number + 1) * _FRAME_S
        while (left_s := until_s - time.monotonic()) > 0:
            if not select.select([rtp], [], [], left_s)[0]:
                break
            data, _ = rtp.recvfrom(2048)
            if (came := audio.sequence_of(data)) is not None and len(heard) < 1000:
                heard.append((came, data[12:]))
    return heard
