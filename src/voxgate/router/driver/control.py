"""What the control plane asks and orders, over a unix stream: a word a line, answered by one JSON object a line.

status              {"connections": 12, "lost_reports": 0}
rules               read the rules again: {"rules": HASH}, or {"error": TEXT} and the former ones go on
close NETWORK ...   close all connections of clients from there at once: {"closed": 3}
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

#: `close` with some 200 IPv6 networks; who has more to close asks again.
LONGEST_LINE: Final = 8192

Answer = Callable[[list[str]], dict[str, object]]


class Control:
    """Answers; `answers` gives the object for each first word and the words behind it."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its end. Only root and our own user reach the socket."""
        try:
            while line := await reader.readline():
                word, *words = line.decode("ascii", "replace").split() or [""]
                answer = self._answers.get(word)
                writer.write(json.dumps(answer(words) if answer else {"error": "unknown"}).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # whoever asked is gone, or asks in a way that nobody does
        finally:
            writer.close()
