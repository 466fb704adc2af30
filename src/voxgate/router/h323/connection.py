"""One H.323 client: its first GRQ, RRQ or Setup decides about the PBX, the PBX's rejects are watched. Pure.

    WAITING --- a request for a known name ---> CONNECTING --- Connected ---> SERVED --+
                                                    ^                         |  ^     | all else, and requests
                                                    |                         |  +-----+ for the same PBX
                                                    +-------------------------+
                                     another node; or TLS to the same PBX, by a certificate

Whatever comes before the first request is kept and goes before it. Messages pass whole and as they came. A request for
another PBX is refused in the protocol, and the connection closed: its phone asks again on one of its own.

Where a PBX checks certificates, the way over TLS is only for registrations that the client's certificate names. A
discovery need not say a name, so it goes the other way; the registration after it changes to TLS.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, assert_never

from voxgate.guard.observation import Kind
from voxgate.router import commands, events
from voxgate.router.h323.admission import (
    NOT_CERTIFIED,
    NOT_REACHED,
    Rejected,
    Request,
    admit,
    failure,
    requests,
    status,
)
from voxgate.router.h323.answers import refusal
from voxgate.router.h323.messages import KEEPALIVE, Message, read, rejects
from voxgate.router.h323.reader import MalformedError
from voxgate.router.h323.tpkt import HEADER, LONGEST, LONGEST_OF_ALL, Splitter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.router.client import Client
    from voxgate.router.commands import Command
    from voxgate.router.events import Event
    from voxgate.router.rules import Rules, Service, Target

#: A phone asks at once.
FIRST_REQUEST_S: Final = 15.0
#: A phone asks three times in nine seconds (H.225.0, table 18) and gives up.
FIRST_ANSWER_S: Final = 10.0
#: For what remains of a message that has begun.
REST_OF_MESSAGE_S: Final = 15.0

#: Bodies of messages without a call.
_COMMITS_NOTHING: Final = frozenset(("", "empty"))


class _State(Enum):
    WAITING = auto()
    CONNECTING = auto()
    SERVED = auto()
    CLOSED = auto()


_READING: Final = frozenset((_State.WAITING, _State.SERVED))


class H323Connection:
    """Implements `connection.Connection`."""

    __slots__ = (
        *("_answers", "_client", "_committed", "_held", "_message", "_registered", "_request", "_requests"),
        *("_pending", "_rest", "_service", "_silent", "_state", "_target"),
    )

    def __init__(self, client: Client) -> None:
        self._client = client
        self._state = _State.WAITING
        self._requests = Splitter()
        self._answers: Splitter | None = Splitter(LONGEST_OF_ALL)
        self._held = b""  # what a server that has not answered was sent, or is to be sent
        self._message: Message = KEEPALIVE  # the last request, and what it asks for
        self._request = Request("", None, "", "", None)
        self._service: Service | None = None
        self._target: Target | None = None
        self._rest: tuple[Target, ...] = ()
        self._silent = False  # the server has not said anything
        self._registered = False  # a registration has passed: calls are the PBX's business
        self._committed = False  # something has passed that a new connection could not go on with
        self._pending = False  # a message has begun whose end has not come

    def handle(self, event: Event, rules: Rules) -> Iterator[Command]:
        """What `event` leads to."""
        match event:
            case events.ServerSent(data):
                yield from self._from_server(data)
            case events.ClientSent(data):
                self._requests.receive(data)
                yield from self._from_client(rules)
            case events.Opened():
                yield commands.Wake(FIRST_REQUEST_S)
            case events.Connected(target, rest):
                yield from self._connected(target, rest)
                yield from self._from_client(rules)
            case events.ConnectFailed():
                yield from self._reject(NOT_REACHED)
            case events.ServerEnded():
                yield from self._server_ended()
            case events.ClientEnded():
                yield self._close()
            case events.TimedOut():
                yield from self._timed_out()
            case _:
                assert_never(event)

    def passes_to_server(self, data: bytes, rules: Rules) -> bool:
        """Never: each message may ask for something."""
        del data, rules
        return False

    def passes_to_client(self, data: bytes) -> bool:
        """Only what cannot be watched; the server's first bytes are waited for."""
        del data
        return self._answers is None and not self._silent

    # From the client.

    def _from_client(self, rules: Rules) -> Iterator[Command]:
        took = False
        try:
            while self._state in _READING and (frame := self._requests.next()) is not None:
                took = True
                message = read(frame[HEADER:])
                asked = requests(message, self._client, registered=self._registered)
                if asked:
                    self._message, self._request = message, asked[-1]
                    yield from self._asked(frame, asked, rules)
                else:
                    yield from self._pass(frame, commits=message.body not in _COMMITS_NOTHING)
        except MalformedError as error:
            yield self._refused(Kind.MALFORMED, str(error).replace(" ", "_"))
            yield self._close()
        if self._state is _State.SERVED and not self._silent:
            yield from self._time_rest(took=took)

    def _asked(self, frame: bytes, asked: tuple[Request, ...], rules: Rules) -> Iterator[Command]:
        """Requests in one message, one as a rule; they must be for one PBX."""
        service = self._service
        for request in asked:
            current = service.pbx if service else ""
            admitted = admit(request, self._client, rules, current)
            if isinstance(admitted, Rejected):
                self._request = request
                yield from self._reject(admitted)
                return
            service = admitted or service
        opinions = [request.certified for request in asked if request.certified is not None]
        certified = all(opinions) if opinions else None
        if service is None or (self._target and certified is None):
            yield from self._forward(frame, asked)
            return
        self._service = service
        targets = service.targets(self._client, certified=bool(certified))
        if self._target is None or (targets[0].tls != self._target.tls and not self._committed):
            self._hold(frame)
            yield from self._connect(targets)
        elif self._target.tls and not targets[0].tls:
            yield from self._reject(NOT_CERTIFIED)
        else:
            yield from self._forward(frame, asked)

    def _forward(self, frame: bytes, asked: tuple[Request, ...]) -> Iterator[Command]:
        if not all(request.keep_alive for request in asked):
            yield commands.Forward(self._request.shown, self._request.user, self._request.word)
        self._remember(asked)
        yield from self._pass(frame)

    def _remember(self, asked: tuple[Request, ...]) -> None:
        self._registered |= any(request.word == "RRQ" for request in asked)
        self._committed |= any(request.word != "GRQ" and not request.keep_alive for request in asked)

    def _pass(self, frame: bytes, *, commits: bool = False) -> Iterator[Command]:
        if self._state is _State.WAITING:
            self._hold(frame)
            return
        self._committed |= commits
        if self._silent:
            self._hold(frame)
        yield commands.SendToServer(frame)

    def _hold(self, frame: bytes) -> None:
        if len(self._held) + len(frame) > LONGEST:
            raise MalformedError("too much before an answer")
        self._held += frame

    def _time_rest(self, *, took: bool) -> Iterator[Command]:
        """A message that has begun has its time to end; `took`: another one has ended meanwhile."""
        before, self._pending = self._pending, self._requests.waiting > 0
        if self._pending and (took or not before):
            yield commands.Wake(REST_OF_MESSAGE_S)
        elif before and not self._pending:
            yield commands.Wake(None)

    # To and from the server.

    def _connect(self, targets: tuple[Target, ...]) -> Iterator[Command]:
        self._state = _State.CONNECTING
        yield commands.Wake(None)
        yield commands.Connect(targets)

    def _connected(self, target: Target, rest: tuple[Target, ...]) -> Iterator[Command]:
        self._state, self._target, self._rest, self._silent = _State.SERVED, target, rest, True
        self._answers = Splitter(LONGEST_OF_ALL)
        yield commands.Wake(FIRST_ANSWER_S)
        yield commands.Forward(self._request.shown, self._request.user, self._request.word)
        self._remember((self._request,))
        yield commands.SendToServer(self._held)

    def _from_server(self, data: bytes) -> Iterator[Command]:
        if self._silent:
            self._silent, self._held, self._rest, self._pending = False, b"", (), True
            yield from self._time_rest(took=True)
        yield commands.SendToClient(data)
        if self._answers is None:
            return
        self._answers.receive(data)
        try:
            while (frame := self._answers.next()) is not None:
                for ras in rejects(frame[HEADER:]):
                    yield self._refused(failure(ras), ras.reason, status(ras))
        except MalformedError:
            # No TPKT any more: it passes, unwatched.
            self._answers = None

    def _server_ended(self) -> Iterator[Command]:
        if not self._silent:
            yield self._close()
        elif self._rest:
            # HAProxy takes a connection before it knows whether it reaches the PBX by TLS.
            yield from self._connect(self._rest)
        else:
            yield from self._reject(NOT_REACHED)

    def _timed_out(self) -> Iterator[Command]:
        if self._state is _State.SERVED and self._silent:
            yield from self._server_ended()
            return
        if self._requests.waiting or self._held:
            yield self._refused(Kind.MALFORMED, "timeout")
        yield self._close()

    # Refusals and the end.

    def _reject(self, rejected: Rejected) -> Iterator[Command]:
        """Say so in the protocol, where that does not fall into the middle of another message; then close."""
        yield self._refused(rejected.kind, rejected.reason, rejected.answer.status, rejected.pbx)
        answer = refusal(self._message, rejected.answer)
        if answer and self._answers is not None and not self._answers.waiting:
            yield commands.SendToClient(answer)
        yield self._close()

    def _refused(self, kind: Kind | None, reason: str, number: int = 0, pbx: str = "") -> Command:
        asked, target = self._request, self._target
        by_pbx = target is not None and kind in {None, Kind.AUTH_FAILURE}
        return commands.Refuse(
            kind,
            reason,
            number,
            asked.shown,
            asked.user,
            pbx or (target.pbx if target else ""),
            target.node if target and by_pbx else "",
            asked.word,
        )

    def _close(self) -> Command:
        self._state = _State.CLOSED
        return commands.Close()
