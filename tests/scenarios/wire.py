"""One party of a dialogue by hand: a UDP socket that writes SIP messages, and waits for the one it expects."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from lab.peers.message import Request, Response, encode, parse_datagram

if TYPE_CHECKING:
    from types import TracebackType

    from lab.demo.stage import Stage
    from lab.peers.message import Headers

PATIENCE_S = 8.0
#: What a proxy copies from a request into a response, and a user agent into the next request.
COPIED = ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route")


class Wire:
    """A socket on `host`:`port`. `heard` holds every message that came, copies too."""

    def __init__(self, stage: Stage, host: str, port: int, edge: str) -> None:
        self.here = stage.net.host(host).ipv4()
        self.port = port
        self.edge = (edge, 5060)
        self.heard: list[Request | Response] = []
        self.socket = stage.net.socket(host)
        self.socket.bind((self.here, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    @property
    def contact(self) -> str:
        """This socket as a URI."""
        return f"sip:wire@{self.here}:{self.port}"

    def send(self, message: Request | Response) -> None:
        """To the edge."""
        self.socket.sendto(encode(message), self.edge)

    def request(self, method: str, uri: str, cseq: int, *headers: tuple[str, str], body: bytes = b"") -> Request:
        """A request outside of a dialog, to be sent."""
        given = {name for name, _ in headers}
        defaults = (
            ("From", f"<sip:200@{self.here}>;tag=ours"),
            ("To", f"<{uri}>"),
            ("Call-ID", secrets.token_hex(8)),
            ("Contact", f"<{self.contact}>"),
        )
        lines = (
            self._via(),
            ("Max-Forwards", "70"),
            *((name, value) for name, value in defaults if name not in given),
            ("CSeq", f"{cseq} {method}"),
            *headers,
        )
        return Request(lines, body, method=method, uri=uri)

    def within(self, answer: Response, method: str, cseq: int, *headers: tuple[str, str]) -> Request:
        """A request of the caller in the dialog that `answer` made."""
        target = answer.get("Contact").partition("<")[2].partition(">")[0]
        routes = tuple(("Route", value) for value in reversed(answer.all("Record-Route")))
        return self._inside((("From", answer.get("From")), ("To", answer.get("To"))), answer, target, routes)(
            method, cseq, *headers
        )

    def back(self, invite: Request, ours: str, method: str, cseq: int, *headers: tuple[str, str]) -> Request:
        """A request of the called party; `ours` is the tag that it gave."""
        target = invite.get("Contact").partition("<")[2].partition(">")[0]
        routes = tuple(("Route", value) for value in invite.all("Record-Route"))
        ends = (("From", f"{invite.get('To').partition(';tag')[0]};tag={ours}"), ("To", invite.get("From")))
        return self._inside(ends, invite, target, routes)(method, cseq, *headers)

    def reply(
        self, request: Request, code: int, *headers: tuple[str, str], tag: str = "theirs", body: bytes = b""
    ) -> Response:
        """A response to `request`, sent; `headers` come on top."""
        lines = tuple((name, value) for name, value in request.headers if name in COPIED)
        lines = tuple(
            (name, f"{value};tag={tag}" if name == "To" and code > 100 and ";tag=" not in value else value)
            for name, value in lines
        )
        if "Contact" not in {name for name, _ in headers}:
            lines += (("Contact", f"<{self.contact}>"),)
        made = Response((*lines, *headers), body, code=code, reason="Answer")
        self.send(made)
        return made

    def expect(self, what: str | int, **values: str) -> Request | Response:
        """The next message that is a request of this method, or a response of this code. AssertionError when none."""
        end_s = time.monotonic() + PATIENCE_S
        known = {_identity(message) for message in self.heard}
        while (left_s := end_s - time.monotonic()) > 0:
            self.socket.settimeout(left_s)
            try:
                message = parse_datagram(self.socket.recv(65_536))
            except TimeoutError:
                break
            if message is None:
                continue
            self.heard.append(message)
            if _identity(message) in known:
                continue
            known.add(_identity(message))
            kind = message.method if isinstance(message, Request) else message.code
            if kind == what and all(message.get(name.replace("_", "-")) == value for name, value in values.items()):
                return message
        seen = [
            f"{message.method if isinstance(message, Request) else message.code} {message.get('CSeq')}"
            for message in self.heard
        ]
        raise AssertionError(f"no {what} {values or ''}; what came: {seen}")

    def asked(self, method: str, **values: str) -> Request:
        """The next request of a method."""
        message = self.expect(method, **values)
        assert isinstance(message, Request)
        return message

    def answered(self, code: int, **values: str) -> Response:
        """The next response of a code."""
        message = self.expect(code, **values)
        assert isinstance(message, Response)
        return message

    def quiet(self, method: str, for_s: float = 0.6) -> None:
        """No request of this method comes for a while."""
        end_s = time.monotonic() + for_s
        while (left_s := end_s - time.monotonic()) > 0:
            self.socket.settimeout(left_s)
            try:
                message = parse_datagram(self.socket.recv(65_536))
            except TimeoutError:
                return
            assert not (isinstance(message, Request) and message.method == method), message

    def _inside(self, ends: Headers, of: Request | Response, target: str, routes: Headers) -> Inside:
        return Inside(self, ends, of.call_id, target, routes)

    def _via(self) -> tuple[str, str]:
        return ("Via", f"SIP/2.0/UDP {self.here}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport")

    def again(self, request: Request) -> Request:
        """The same request as a new transaction."""
        return replace(request, headers=(self._via(), *request.headers[1:]))


class Inside:
    """Makes the requests of one party of one dialog."""

    def __init__(self, wire: Wire, ends: Headers, call_id: str, target: str, routes: Headers) -> None:
        self._wire, self._ends, self._call_id, self._target, self._routes = wire, ends, call_id, target, routes

    def __call__(self, method: str, cseq: int, *headers: tuple[str, str]) -> Request:
        lines = (
            self._wire._via(),
            ("Max-Forwards", "70"),
            *self._routes,
            *self._ends,
            ("Call-ID", self._call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<{self._wire.contact}>"),
            *headers,
        )
        return Request(lines, method=method, uri=self._target)


def _identity(message: Request | Response) -> tuple[str, ...]:
    kind = message.method if isinstance(message, Request) else str(message.code)
    return kind, message.branch, message.get("CSeq"), message.call_id, message.get("RSeq")
