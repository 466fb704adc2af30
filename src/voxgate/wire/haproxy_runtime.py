"""HAProxy's runtime socket: one line asked, one text answered, the connection ends (management guide, 9.3).

`show_info` and `commit_certificate` are the codec (pure), `RuntimeClient` the thin client. The same protocol is spoken
by the worker's socket and by the master's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S: Final = 5.0
#: An answer is a few kilobytes; what goes on for ever is no HAProxy.
LONGEST_ANSWER: Final = 1 << 20


def parse_info(text: str) -> dict[str, str]:
    """`show info` as values by name."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def parse_loaded(text: str) -> frozenset[str]:
    """Paths in the answer to `show ssl cert` or `show ssl ca-file`: lines that begin with a slash."""
    return frozenset(line.split(" - ")[0].strip() for line in text.splitlines() if line.startswith("/"))


def certificate_payload(path: Path, pem: bytes, kind: bytes = b"cert") -> bytes:
    """The command that stages `pem` (chain and key, or authorities) for what haproxy.cfg knows as `path`.

    `kind` is `cert` or `ca-file`.

    A payload ends with the first empty line, so there is none in it.
    """
    lines = [line.strip() for line in pem.splitlines()]
    return b"set ssl %b %b <<\n%b\n\n" % (kind, str(path).encode(), b"\n".join(line for line in lines if line))


@dataclass(frozen=True, slots=True)
class RuntimeClient:
    """Asks the socket at `path`. Raises PeerError when nobody answers."""

    path: Path
    timeout_s: float = TIMEOUT_S

    async def ask(self, command: bytes) -> str:
        """One command, a line without its end or a payload; gives the whole answer."""
        try:
            async with asyncio.timeout(self.timeout_s):
                reader, writer = await asyncio.open_unix_connection(self.path)
                try:
                    writer.write(command if command.endswith(b"\n") else command + b"\n")
                    await writer.drain()
                    answer = await reader.read(LONGEST_ANSWER)
                    while part := await reader.read(LONGEST_ANSWER - len(answer)):
                        answer += part
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise PeerError(f"haproxy: no answer at {self.path.name}: {error or type(error).__name__}") from error
        return answer.decode("utf-8", "replace")

    async def info(self) -> dict[str, str]:
        """What the running worker tells of itself; `Pid` and `Uptime_sec` are always there."""
        found = parse_info(await self.ask(b"show info"))
        if "Pid" not in found:
            raise PeerError("haproxy: its answer to `show info` holds no Pid")
        return found

    async def loaded(self, kind: bytes) -> frozenset[str]:
        """The paths of all of a `kind` (`cert`, `ca-file`) that HAProxy knows."""
        return parse_loaded(await self.ask(b"show ssl %b" % kind))

    async def replace_certificate(self, path: Path, pem: bytes, kind: bytes = b"cert") -> None:
        """New connections see `pem` instead of what was loaded from `path`. Raises EngineError in HAProxy's words."""
        staged = await self.ask(certificate_payload(path, pem, kind))
        if "Transaction" not in staged:
            raise EngineError("haproxy", f"does not take the certificate: {_words(staged)}")
        committed = await self.ask(b"commit ssl %b %b" % (kind, str(path).encode()))
        if "Success" not in committed:
            await self.ask(b"abort ssl %b %b" % (kind, str(path).encode()))
            raise EngineError("haproxy", f"does not take the certificate: {_words(committed)}")


def _words(answer: str) -> str:
    return " ".join(answer.split())[:300] or "no answer"
