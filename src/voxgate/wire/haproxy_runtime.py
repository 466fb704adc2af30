"""HAProxy's runtime socket: one line asked, one text answered, the connection ends (management guide, 9.3).

`show_info` and `commit_certificate` are the codec (pure), `RuntimeClient` the thin client. The same protocol is spoken
by the worker's socket and by the master's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.errors import EngineError, PeerError
from voxgate.wire import haproxy_maps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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

    async def ask(self, command: bytes, *, most_bytes: int = LONGEST_ANSWER) -> str:
        """One command, a line without its end or a payload; gives the whole answer, or its head."""
        try:
            async with asyncio.timeout(self.timeout_s):
                reader, writer = await asyncio.open_unix_connection(self.path)
                try:
                    writer.write(command if command.endswith(b"\n") else command + b"\n")
                    await writer.drain()
                    parts, room = [], most_bytes
                    while part := await reader.read(room):
                        parts.append(part)
                        room -= len(part)
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise PeerError(f"haproxy: no answer at {self.path.name}: {error or type(error).__name__}") from error
        return b"".join(parts).decode("utf-8", "replace")

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
        if "transaction" not in staged.lower():
            raise EngineError("haproxy", f"does not take the certificate: {_words(staged)}")
        committed = await self.ask(b"commit ssl %b %b" % (kind, str(path).encode()))
        if "Success" not in committed:
            await self.ask(b"abort ssl %b %b" % (kind, str(path).encode()))
            raise EngineError("haproxy", f"does not take the certificate: {_words(committed)}")

    async def change_map(self, path: Path, entries: Mapping[str, str]) -> None:
        """Give keys that are in the map of `path` these values."""
        await self._all(haproxy_maps.changes(path, entries))

    async def extend_map(self, path: Path, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """Let the map of `path`, which holds `old`, hold what `new` adds and changes as well."""
        told = haproxy_maps.difference(old, new)
        if not haproxy_maps.worthwhile(len(told.changed), len(old)):
            await self.replace_map(path, {**old, **new})
            return
        await self._all(haproxy_maps.additions(path, told.added))
        await self._all(haproxy_maps.changes(path, told.changed))

    async def reduce_map(self, path: Path, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """Take out of the map of `path` what was in `old` and is not in `new`."""
        removed = haproxy_maps.difference(old, new).removed
        if haproxy_maps.worthwhile(len(removed), len(old)):
            await self._all(haproxy_maps.removals(path, removed))
        else:
            await self.replace_map(path, new)

    async def replace_map(self, path: Path, entries: Mapping[str, str]) -> None:
        """Let the map hold `entries` and nothing else, from one moment to the next."""
        answer = await self.ask(b"prepare map " + str(path).encode())
        version = answer.partition(":")[2].strip()
        if not version.isdecimal():
            raise EngineError("haproxy", f"prepares no map: {_words(answer)}")
        try:
            await self._all(haproxy_maps.additions(path, entries, version))
            await self._all([f"commit map @{version} {path}".encode()])
        except (EngineError, PeerError):
            await self.ask(f"clear map @{version} {path}".encode())
            raise

    async def _all(self, commands: Iterable[bytes]) -> None:
        """Raises EngineError at the first that is not simply done."""
        for command in commands:
            if (answer := await self.ask(command)).strip():
                raise EngineError("haproxy", f"does not change its map: {_words(answer)}")


def _words(answer: str) -> str:
    return " ".join(answer.split())[:300] or "no answer"
