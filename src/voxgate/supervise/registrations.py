"""Registrations that passed the edge: who, from where, over what, until when. Time is an argument; drivers at the end.

Kamailio's workers tell of each answer 200 to a REGISTER (`voxgate_sip.registrations`). An event may be lost; the next
refresh of the phone makes it good. The book is written to a file now and then, because NATs and PBXs do not forget
their phones when Voxgate or Kamailio starts again: the flows are given back to Kamailio, which keeps them alive.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host import files
from voxgate.supervise.control import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from voxgate.supervise.hands import Rpc

log = logging.getLogger(__name__)

#: The oldest are forgotten beyond these; a user has a handful of phones.
MOST: Final = 200_000
MOST_OF_A_USER: Final = 32
#: Time between two looks at whether Kamailio began anew and whether the file is old.
STEP_S: Final = 5.0
#: So many of these from one writing of the file to the next.
SAVE_EVERY: Final = 6
#: An item that Kamailio loses when it starts again.
MARK: Final = "!told"
_LONGEST_S: Final = 7 * 86400


@dataclass(frozen=True, slots=True)
class Registration:
    """One contact of a user. `address` and `port` are where its packets come from; `key` tells it from others."""

    aor: str
    key: str
    contact: str
    pbx: str
    agent: str
    address: str
    port: int
    transport: str
    since: datetime
    until: datetime


class Book:
    """All registrations, by user and key."""

    def __init__(self, registrations: Iterable[Registration] = ()) -> None:
        self._users: dict[str, dict[str, Registration]] = {}
        self._count = 0
        self.changed = False
        for registration in registrations:
            self._put(registration)

    def __len__(self) -> int:
        return self._count

    def report(self, event: dict[str, Any], now: datetime) -> None:
        """One event of a worker; what is none counts for nothing."""
        match event:
            case {
                "aor": str(aor),
                "pbx": str(pbx),
                "agent": str(agent),
                "address": str(address),
                "port": int(port),
                "transport": str(transport),
                "there": list(there),
                "gone": list(gone),
                "all_gone": bool(all_gone),
            }:
                pass
            case _:
                return
        if all_gone:
            self._count -= len(self._users.pop(aor, {}))
        for key in gone:
            self._drop(aor, str(key))
        for entry in there:
            match entry:
                case [str(key), str(contact), int(lasts_s)] if 0 < lasts_s <= _LONGEST_S:
                    until = now + timedelta(seconds=lasts_s)
                    self._put(Registration(aor, key, contact, pbx, agent, address, port, transport, now, until))
        self.changed = True

    def expire(self, now: datetime) -> None:
        """Forget what is over."""
        over = [r for user in self._users.values() for r in user.values() if r.until <= now]
        for registration in over:
            self._drop(registration.aor, registration.key)
        self.changed = self.changed or bool(over)

    def listed(self, now: datetime) -> tuple[Registration, ...]:
        """What holds at `now`, by user."""
        found = [r for user in self._users.values() for r in user.values() if r.until > now]
        return tuple(sorted(found, key=lambda one: (one.aor, one.address, one.port)))

    def _put(self, new: Registration) -> None:
        user = self._users.setdefault(new.aor, {})
        known = user.pop(new.key, None)
        user[new.key] = replace(new, since=known.since) if known else new
        self._count += known is None
        while len(user) > MOST_OF_A_USER:
            self._drop(new.aor, next(iter(user)))
        while self._count > MOST:
            aor = next(iter(self._users))
            self._drop(aor, next(iter(self._users[aor])))

    def _drop(self, aor: str, key: str) -> None:
        user = self._users.get(aor, {})
        if user.pop(key, None) is not None:
            self._count -= 1
            if not user:
                del self._users[aor]


def to_json(registrations: Iterable[Registration]) -> list[dict[str, object]]:
    """As `voxgate registrations --json` and the file have them: times RFC 3339 UTC."""
    return [{**asdict(one), "since": _time(one.since), "until": _time(one.until)} for one in registrations]


def from_json(text: str) -> tuple[Registration, ...]:
    """What `to_json` wrote. Raises ValueError, TypeError, KeyError."""
    return tuple(
        Registration(
            **{
                **entry,
                "since": datetime.fromisoformat(entry["since"]),
                "until": datetime.fromisoformat(entry["until"]),
            }
        )
        for entry in json.loads(text)
    )


def to_table(registrations: tuple[Registration, ...], now: datetime) -> str:
    """The same for people."""
    head = ("user", "PBX", "address", "transport", "expires in", "since", "user agent")
    rows = [
        (
            one.aor,
            one.pbx or "-",
            f"[{one.address}]:{one.port}" if ":" in one.address else f"{one.address}:{one.port}",
            one.transport,
            f"{round((one.until - now).total_seconds())} s",
            _time(one.since),
            one.agent or "-",
        )
        for one in registrations
    ]
    if not rows:
        return "nobody is registered through this edge"
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )


class Keeper:
    """Keeps the book on disk and Kamailio's table of flows filled."""

    def __init__(self, path: Path, rpc: Rpc, now: Callable[[], datetime]) -> None:
        self.book = read_book(path)
        self._path = path
        self._rpc = rpc
        self._now = now

    def report(self, event: dict[str, Any]) -> None:
        """A worker tells of an answer to a REGISTER."""
        self.book.report(event, self._now())

    def told(self) -> Told:
        """For `voxgate registrations`."""
        now = self._now()
        registrations = self.book.listed(now)
        return Told({"registrations": to_json(registrations)}, to_table(registrations, now))

    async def serve(self) -> None:
        """Until cancelled; what is new then is written."""
        turn = 0
        try:
            while True:
                await self.tell()
                turn += 1
                if turn % SAVE_EVERY == 0:
                    # A large book takes a moment, and the disk as well.
                    await asyncio.to_thread(self._write, self._changed())
                await asyncio.sleep(STEP_S)
        finally:
            self._write(self._changed())

    def _changed(self) -> tuple[Registration, ...] | None:
        """What must be written; None when the file holds it already."""
        now = self._now()
        self.book.expire(now)
        if not self.book.changed:
            return None
        self.book.changed = False
        return self.book.listed(now)

    def _write(self, registrations: tuple[Registration, ...] | None) -> None:
        if registrations is None:
            return
        try:
            files.write(self._path, json.dumps(to_json(registrations)).encode())
        except HostError as error:
            log.warning("registrations_not_written reason=%s", error)

    async def tell(self) -> None:
        """Give Kamailio the flows that it lost when it began anew; when it does not answer, the next time."""
        try:
            try:
                await self._rpc.call("htable.get", "flows", MARK)
            except EngineError:
                now = self._now()
                flows = [one for one in self.book.listed(now) if one.transport == "udp"]
                for one in flows:
                    lasts_s = max(1, round((one.until - now).total_seconds()))
                    key = f"{one.address} {one.port} {one.aor}"
                    uri = "" if "?" in one.contact else one.contact
                    await self._rpc.call("htable.setxs", "flows", key, uri, lasts_s)
                await self._rpc.call("htable.setxs", "flows", MARK, "1", 86400)
                log.info("flows_told count=%d", len(flows))
        except (PeerError, EngineError) as error:
            log.info("flows_not_told reason=%s", error)


def read_book(path: Path) -> Book:
    """The book as it was saved; one that is missing or damaged is empty: phones register again."""
    try:
        return Book(from_json(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Book()
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("registrations_not_read reason=%s", type(error).__name__)
        return Book()


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
