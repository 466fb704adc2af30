"""What the control plane asks and orders, over a unix stream: a word a line, answered by one JSON object a line.

status   {"connections": 12, "lost_reports": 0}
rules    read the rules again: {"rules": HASH}, or {"error": TEXT} and the former ones go on
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from voxgate.router.driver.stream import Stream

if TYPE_CHECKING:
    import socket

    from voxgate.router.driver.poll import Poll

#: Nobody asks in longer ones.
LONGEST_LINE: Final = 256

#: A line -> what gives the object for it.
Answers = Mapping[str, Callable[[], dict[str, object]]]


class Control(Stream):
    """One connection. Only root and our own user reach the socket."""

    __slots__ = ("_answers", "_line")

    def __init__(self, poll: Poll, sock: socket.socket, answers: Answers) -> None:
        super().__init__(poll, sock)
        self._answers = answers
        self._line = b""

    def got(self, data: bytes) -> None:
        """Answer each whole line."""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            answer = self._answers.get(line.decode("ascii", "replace").strip())
            self.send(json.dumps(answer() if answer else {"error": "unknown"}).encode() + b"\n")
        if len(self._line) > LONGEST_LINE:
            self.abort()

    def ended(self) -> None:
        """Nothing more is asked."""
        self.leave()

    def lost(self) -> None:
        """Whoever asked is gone."""

    def full(self, is_full: bool) -> None:
        """Answers are not read: ask no more for now."""
        self.hold(is_full)
