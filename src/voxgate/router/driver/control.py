"""What the control plane asks and orders, over a unix stream: one word a line, answered by one JSON object a line.

status    {"connections": 12, "lost_reports": 0}
rules     read the rules again: {"rules": HASH}, or {"error": TEXT} and the former ones go on
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

#: A question is one word.
LONGEST_LINE: Final = 256


class Control:
    """Answers; `answers` gives the object for each word."""

    def __init__(self, answers: Mapping[str, Callable[[], dict[str, object]]]) -> None:
        self._answers = answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its end. Only root and our own user reach the socket."""
        try:
            while line := await reader.readline():
                answer = self._answers.get(line.decode("ascii", "replace").strip())
                writer.write(json.dumps(answer() if answer else {"error": "unknown"}).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # whoever asked is gone, or asks in a way that nobody does
        finally:
            writer.close()
