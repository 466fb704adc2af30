"""One LDAP client: its BIND decides about the PBX, the results of its binds are watched. Pure.

    UNBOUND --- bind for a known domain ---> CONNECTING --- Connected ---> BOUND ---+
       ^  ^                                      |  ^                       | |  ^   | bind for the same PBX
       |  +--------- ConnectFailed --------------+  +- for another PBX -----+ |  +---+
       +------------------ a bind that is refused ----------------------------+

What comes before a bind is answered by us; after it everything passes by its length. SASL is refused: its security
layers hide where messages begin (RFC 4513, 5.2.1), and a Kerberos ticket would be for the PBX's name, not the edge's.
StartTLS comes before a bind, too: TLS ends in HAProxy, and the connection comes back as a new one.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from itertools import chain
from typing import TYPE_CHECKING, Final, assert_never

from voxgate.errors import PeerError
from voxgate.guard.observation import Kind
from voxgate.router import commands, events
from voxgate.router.ldap import limits
from voxgate.router.ldap.admission import NOT_BOUND, NOT_REACHED, TLS_TOO_LATE, Refusal, admit
from voxgate.router.ldap.bind_names import BindName, bind_name
from voxgate.router.ldap.framing import Framer, Message
from voxgate.router.ldap.messages import (
    NO_FAILURE,
    Bind,
    Operation,
    Result,
    disconnection,
    is_starttls,
    read_bind,
    read_result,
    response,
    result_word,
)
from voxgate.router.ldap.shortcuts import binds_again, is_good, wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxgate.router.client import Client
    from voxgate.router.commands import Command
    from voxgate.router.events import Event
    from voxgate.router.rules import Rules, Target

BIND: Final = "bind"

_ALL: Final = frozenset(range(256))
_WATCHED_REQUESTS: Final = frozenset((Operation.BIND, Operation.EXTENDED, Operation.UNBIND))
_WATCHED_ANSWERS: Final = frozenset((Operation.BIND_RESPONSE,))


class _State(Enum):
    UNBOUND = auto()
    CONNECTING = auto()  # to a PBX, or to HAProxy for StartTLS
    BOUND = auto()
    CLOSED = auto()


class LdapConnection:
    """Implements `connection.Connection`."""

    __slots__ = (
        *("_answers", "_bind", "_client", "_name", "_node", "_pbx"),
        *("_refused", "_requests", "_rest", "_rules", "_state", "_users", "_worded"),
    )

    def __init__(self, client: Client) -> None:
        self._client = client
        self._state = _State.UNBOUND
        self._requests = Framer(limits.LONGEST_BIND, limits.LONGEST_REQUEST)
        self._answers = Framer(limits.LONGEST_BIND, limits.LONGEST_ANSWER)
        self._bind: Message | None = None  # or a StartTLS; until the server's first byte
        self._name = BindName("", "")
        self._worded = b""  # how the last bind that was let through began, and the rules that let it through
        self._rules: Rules | None = None
        self._users: deque[BindName] = deque()  # of the binds that wait for their result
        self._pbx = ""
        self._node = ""
        self._rest: tuple[Target, ...] = ()
        self._refused = 0

    def handle(self, event: Event, rules: Rules) -> Iterable[Command]:
        """What `event` leads to. To be taken to its end before the next event."""
        match event:
            case events.ServerSent(data):
                led: Iterable[Command] = self._from_server(data)
            case events.ClientSent(data):
                self._requests.receive(data)
                led = self._from_client(rules)
            case events.Opened():
                led = (commands.Wake(limits.FIRST_BIND_S),)
            case events.Connected(target, rest):
                led = chain(self._connected(target, rest), self._from_client(rules))
            case events.ConnectFailed():
                led = chain(self._not_connected(), self._from_client(rules))
            case events.ServerEnded():
                led = chain(self._server_ended(), self._from_client(rules))
            case events.ClientEnded():
                led = self._client_ended()
            case events.TimedOut():
                led = (self._close(),)
            case _:
                assert_never(event)
        return led

    def passes_to_server(self, data: bytes, rules: Rules) -> bool:
        """Whole messages of a client that is bound; of binds, one under the name that the same rules let through."""
        if self._state is not _State.BOUND or self._bind is not None:
            return False  # with a bind that is not answered yet, another node would not know what passes now
        if self._requests.passes(data, _WATCHED_REQUESTS):
            return True
        again = rules is self._rules and self._requests.between_messages and binds_again(data, self._worded)
        if not again or len(self._users) >= limits.MOST_WAITING:
            return False
        self._users.append(self._name)
        return True

    def passes_to_client(self, data: bytes) -> bool:
        """Answers, and parts of them, but for the result of a bind that failed."""
        if self._users and is_good(data) and self._answers.between_messages:
            self._users.popleft()
            self._bind = None
            return True
        return self._bind is None and self._answers.passes(data, _WATCHED_ANSWERS)

    def _from_server(self, data: bytes) -> Iterator[Command]:
        self._bind = None
        self._answers.receive(data)
        try:
            while (piece := self._answers.next(_WATCHED_ANSWERS)) is not None:
                if isinstance(piece, Message):
                    yield from self._result(piece)
                    piece = piece.data
                yield commands.SendToClient(piece)
        except PeerError as error:
            yield from self._broken(error, None)

    def _from_client(self, rules: Rules) -> Iterator[Command]:
        try:
            while (bound := self._state is _State.BOUND) or self._state is _State.UNBOUND:
                piece = self._requests.next(_WATCHED_REQUESTS if bound else _ALL)
                if piece is None:
                    return
                if not isinstance(piece, Message):
                    self._bind = None
                    yield commands.SendToServer(piece)
                elif piece.operation == Operation.BIND:
                    yield from self._asked_to_bind(piece, rules)
                elif piece.operation == Operation.EXTENDED and is_starttls(piece):
                    yield from self._asked_for_tls(piece)
                elif bound:
                    self._bind = None
                    # The client waits for nothing any more (RFC 4511, 4.3), but for a result of a bind it may.
                    last = piece.operation == Operation.UNBIND and not self._users
                    yield commands.SendToServer(piece.data, last)
                    if last:
                        yield self._close()
                else:
                    yield from self._asked_unbound(piece)
        except PeerError as error:
            if self._answers.between_messages:
                yield commands.SendToClient(disconnection(Result.PROTOCOL_ERROR, "this is no LDAP"))
            yield from self._broken(error, Kind.MALFORMED)

    def _asked_to_bind(self, message: Message, rules: Rules) -> Iterator[Command]:
        bind = read_bind(message)
        name = bind_name(bind.name)
        service = admit(bind, name, self._client, rules)
        if isinstance(service, Refusal):
            yield from self._refuse_bind(message, service, name)
        elif self._state is _State.BOUND and self._pbx == service.pbx:
            if len(self._users) >= limits.MOST_WAITING:
                raise PeerError("binds that do not wait for their results")
            self._remember(bind, name, rules)
            self._users.append(name)
            yield commands.SendToServer(message.data)
        elif not self._answers.between_messages:
            # Another directory's answers cannot follow in the middle of this one's.
            yield self._close()
        else:
            self._remember(bind, name, rules)
            self._bind, self._pbx = message, service.pbx
            yield from self._connect(service.targets(self._client))

    def _remember(self, bind: Bind, name: BindName, rules: Rules) -> None:
        self._name, self._worded, self._rules = name, wording(bind.name), rules

    def _connect(self, targets: tuple[Target, ...]) -> Iterator[Command]:
        self._state, self._node = _State.CONNECTING, ""
        yield commands.Connect(targets)

    def _asked_for_tls(self, message: Message) -> Iterator[Command]:
        if self._client.tls or self._state is _State.BOUND:
            yield commands.SendToClient(response(message, TLS_TOO_LATE.result, TLS_TOO_LATE.text))
            yield from self._lose_patience()
        elif not self._requests.between_messages:
            # What follows in plain text would be taken for what was encrypted (RFC 4511, 4.14.1).
            raise PeerError("bytes behind a StartTLS request")
        else:
            self._bind, self._state = message, _State.CONNECTING
            yield commands.StartTls(response(message, Result.SUCCESS))

    def _asked_unbound(self, message: Message) -> Iterator[Command]:
        if message.operation == Operation.UNBIND:
            yield self._close()
        elif answer := response(message, NOT_BOUND.result, NOT_BOUND.text):
            yield self._refuse(NOT_BOUND, self._name, f"{message.operation:#04x}")
            yield commands.SendToClient(answer)
            yield from self._lose_patience()
        elif message.operation != Operation.ABANDON:
            raise PeerError("LDAP operation that nobody knows")

    def _refuse_bind(self, message: Message, refusal: Refusal, name: BindName) -> Iterator[Command]:
        yield self._refuse(refusal, name)
        if self._state is _State.BOUND:
            # After a bind that failed nobody is bound (RFC 4511, 4.2.1): the PBX would still think so.
            if not self._answers.between_messages:
                yield self._close()
                return
            yield commands.Leave()
            yield from self._unbound()
        yield commands.SendToClient(response(message, refusal.result, refusal.text))
        yield from self._lose_patience()

    def _connected(self, target: Target, rest: tuple[Target, ...]) -> Iterator[Command]:
        self._state, self._node, self._rest = _State.BOUND, target.node, rest
        self._answers = Framer(limits.LONGEST_BIND, limits.LONGEST_ANSWER)
        self._users = deque((self._name,))
        yield commands.Wake(None)
        yield commands.Forward(self._name.domain, self._name.user, BIND)
        if self._bind is not None:
            yield commands.SendToServer(self._bind.data)

    def _not_connected(self) -> Iterator[Command]:
        message = self._bind
        if message is not None and message.operation == Operation.BIND:
            yield self._refuse(NOT_REACHED, self._name)
        yield from self._unbound()
        if message is not None:
            yield commands.SendToClient(response(message, NOT_REACHED.result, NOT_REACHED.text))
        yield from self._lose_patience()

    def _server_ended(self) -> Iterator[Command]:
        if self._bind is None:
            yield self._close()
        elif self._rest:
            # HAProxy takes a connection before it knows whether it reaches a server by TLS.
            yield from self._connect(self._rest)
        else:
            yield commands.Leave()
            yield from self._not_connected()

    def _client_ended(self) -> Iterator[Command]:
        if self._state is _State.BOUND:
            yield commands.EndServer()
            yield commands.Wake(limits.LAST_ANSWERS_S)
        else:
            yield self._close()

    def _result(self, message: Message) -> Iterator[Command]:
        code = read_result(message)
        name = self._users.popleft() if self._users else self._name
        if code and code != Result.SASL_IN_PROGRESS:
            kind = None if code in NO_FAILURE else Kind.AUTH_FAILURE
            reason = result_word(code)
            yield commands.Refuse(kind, reason, code, name.domain, name.user, self._pbx, self._node, BIND)

    def _unbound(self) -> Iterator[Command]:
        self._state, self._bind, self._pbx, self._node, self._rest = _State.UNBOUND, None, "", "", ()
        yield commands.Wake(limits.FIRST_BIND_S)

    def _lose_patience(self) -> Iterator[Command]:
        self._refused += 1
        if self._refused >= limits.PATIENCE:
            yield self._close()

    def _refuse(self, refusal: Refusal, name: BindName, request: str = BIND) -> Command:
        pbx = refusal.pbx or self._pbx
        return commands.Refuse(
            refusal.kind, refusal.reason, refusal.result, name.domain, name.user, pbx, self._node, request
        )

    def _broken(self, error: PeerError, kind: Kind | None) -> Iterator[Command]:
        reason = str(error).replace(" ", "_")
        name = self._name
        yield commands.Refuse(kind, reason, Result.PROTOCOL_ERROR, name.domain, name.user, self._pbx, self._node)
        yield self._close()

    def _close(self) -> Command:
        self._state = _State.CLOSED
        return commands.Close()
