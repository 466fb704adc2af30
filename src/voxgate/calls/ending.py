"""Ends answered calls on both sides, and answers a provider that challenges the edge's own BYE.

Kamailio sends each BYE and forgets it. Where the other party is a trunk with an account, its script tells of a 401 or
407 (`voxgate_sip.inside`); the BYE is kept here for so long, and sent once more with credentials.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.calls.hangup import Bye, authorised, byes, caller_tag
from voxgate.calls.ledger import key_of_place
from voxgate.calls.webway import ANY_SOCKET, way
from voxgate.errors import EngineError, PeerError
from voxgate_sip.digest import Account, answer, challenge_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.engines.trunk_accounts import Provider

log = logging.getLogger(__name__)

#: BYEs that may still be challenged; whoever ends more calls at once gets the oldest ones as they came.
MOST_KEPT: Final = 1024
#: Challenges that wait; a provider is asked in a few milliseconds.
MOST_WAITING: Final = 256
#: How often one BYE is sent anew: a nonce may be stale at once.
MOST_ANSWERS: Final = 2
_ANSWERS: Final = {401: "Authorization", 407: "Proxy-Authorization"}


class Rpc(Protocol):
    """Kamailio's JSON-RPC. Raises EngineError or PeerError."""

    async def call(self, method: str, *params: str | int) -> object:
        """The result of one call."""


@dataclass(frozen=True, slots=True)
class _Sent:
    bye: Bye
    sock: str
    next_hop: str
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Challenged:
    """A provider's answer to the BYE with this Call-ID and this tag in From."""

    call_id: str
    tag: str
    code: int
    challenges: tuple[str, ...] = field(repr=False)


class Ending:
    """Knows the accounts of the running configuration."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._providers: Mapping[str, Provider] = {}
        self._sent: OrderedDict[tuple[str, str], _Sent] = OrderedDict()
        self._waiting: asyncio.Queue[Challenged] = asyncio.Queue(MOST_WAITING)

    def follow(self, providers: Mapping[str, Provider]) -> None:
        """Whose challenges are answered from now on, by their mark in Record-Route."""
        self._providers = providers

    async def hang_up(self, call_id: str, reason: str) -> bool:
        """End a call on both sides; False when it is not known. Raises EngineError, PeerError.

        `reason` is the value of the Reason header (RFC 3326).
        """
        try:
            found = await self._rpc.call("htable.get", "calls", call_id)
        except EngineError:
            return False
        record = value_of(found)
        for bye in byes(call_id, record, reason):
            try:
                await self._say(call_id, bye)
            except EngineError as error:
                # One side may be gone for good; the other must learn of the end all the same.
                log.warning("bye_not_sent call_id=%s to=%s reason=%s", call_id, bye.next_hop, error)
        await self._rpc.call("htable.delete", "calls", call_id)
        # A call that nobody limits holds no place.
        with suppress(EngineError):
            await self._rpc.call("htable.delete", "places", key_of_place(call_id, caller_tag(record)))
        return True

    def told(self, event: Mapping[str, object]) -> None:
        """Kamailio has the answer to a BYE: an event of `voxgate_sip.inside`."""
        match event:
            case {"call_id": str(call_id), "tag": str(tag), "code": int(code), "challenges": list(values)}:
                with suppress(asyncio.QueueFull):
                    self._waiting.put_nowait(Challenged(call_id, tag, code, tuple(map(str, values))))

    async def serve(self) -> None:
        """Answer challenges until cancelled."""
        while True:
            challenged = await self._waiting.get()
            try:
                await self._again(challenged)
            except (EngineError, PeerError) as error:
                log.warning("bye_not_authorised call_id=%s reason=%s", challenged.call_id, error)

    async def _say(self, call_id: str, bye: Bye) -> None:
        provider = self._providers.get(bye.trunk)
        next_hop, sock = await way(self._rpc, bye.next_hop, value_of)
        if provider and provider.sock:
            sock = provider.sock
        if provider and provider.password:
            self._keep((call_id, bye.tag), _Sent(bye, sock, next_hop))
        await self._send(bye, next_hop, sock)

    async def _again(self, challenged: Challenged) -> None:
        key = challenged.call_id, challenged.tag
        sent = self._sent.pop(key, None)
        provider = self._providers.get(sent.bye.trunk) if sent else None
        if sent is None or provider is None:
            return
        credentials = _credentials(challenged, Account(provider.user, provider.password), sent)
        if not credentials:
            log.warning("bye_refused call_id=%s code=%d", challenged.call_id, challenged.code)
            return
        answered = sent.answered + 1
        self._keep(key, _Sent(sent.bye, sent.sock, sent.next_hop, answered))
        await self._send(authorised(sent.bye, credentials, answered), sent.next_hop, sent.sock)

    def _keep(self, key: tuple[str, str], sent: _Sent) -> None:
        self._sent[key] = sent
        if len(self._sent) > MOST_KEPT:
            self._sent.popitem(last=False)

    async def _send(self, bye: Bye, next_hop: str, sock: str) -> None:
        await self._rpc.call("tm.t_uac_start", "BYE", bye.uri, next_hop, sock or ANY_SOCKET, bye.headers)


def _credentials(challenged: Challenged, account: Account, sent: _Sent) -> str:
    """The header line for a BYE that was challenged; empty where it must stay refused."""
    if challenged.code not in _ANSWERS or sent.answered >= MOST_ANSWERS:
        return ""
    for value in challenged.challenges:
        try:
            challenge = challenge_of(value)
        except ValueError:
            continue
        if challenge.stale or not sent.answered:
            proof = answer(challenge, account, "BYE", sent.bye.uri, secrets.token_hex(8))
            return f"{_ANSWERS[challenged.code]}: {proof}"
    return ""


def value_of(answer: object) -> str:
    """`htable.get` answers `{"item": {"name": ..., "value": ...}}` (htable manual)."""
    match answer:
        case {"item": {"value": str(value)}}:
            return value
    raise PeerError("kamailio: a call record of another shape")
