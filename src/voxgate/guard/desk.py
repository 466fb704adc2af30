"""What a person asks of the guard and orders it: the answers to `voxgate bans`, `ban`, `unban`, `allow`, `why`.

Each gives data for programs and text for people.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from voxgate.errors import UsageError
from voxgate.guard import store as on_disk
from voxgate.guard.bans import HAND, Allowed, Ban
from voxgate.guard.ledger import in_order
from voxgate.guard.lists import ListError, read_list
from voxgate.guard.networks import Network, network_of
from voxgate.guard.telling import Case, ban_data, bans_text, time_text, why_data, why_text
from voxgate.host import files
from voxgate.wire.guard_request import GuardAction, GuardRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxgate.guard.service import Guard

#: Networks that are larger cannot be meant, but for a slip of the keyboard.
_WIDEST: Final = {4: 8, 6: 16}
_LONGEST_NOTE: Final = 200
_LONGEST_MINUTES: Final = 5_256_000

Answer = tuple[dict[str, object], str]


@dataclass(frozen=True, slots=True)
class Desk:
    """Serves one guard."""

    guard: Guard

    async def ask(self, request: GuardRequest) -> Answer:
        """Carry one request out. Raises UsageError, HostError."""
        match request.action:
            case GuardAction.BANS:
                answer = await self._bans()
            case GuardAction.WHY:
                answer = await self._why(request.network)
            case GuardAction.IMPORT:
                answer = await self._import(request)
            case GuardAction.BAN:
                answer = self._ban(request)
            case GuardAction.UNBAN:
                answer = self._unban(self._network(request.network))
            case GuardAction.MOVE:
                answer = self._move(request)
            case GuardAction.ALLOW:
                answer = self._allow(self._network(request.network), _note(request.note))
            case GuardAction.DISALLOW:
                answer = self._disallow(self._network(request.network))
            case _:
                assert_never(request.action)
        return answer

    async def _bans(self) -> Answer:
        guard = self.guard
        guard.book.expire(guard.clock.wall())
        now = guard.clock.wall()
        bans = tuple(guard.book.bans())
        allowed: list[dict[str, object]] = [
            {"network": str(one.network), "since": time_text(one.since), "note": one.note, "origin": HAND}
            for one in guard.book.allowed()
        ]
        allowed += [
            {"network": str(network), "since": None, "note": "", "origin": "file"} for network in guard.rules.white
        ]
        feeds = [{"name": name, "networks": len(held)} for name, held in sorted(guard.wanted.feeds.items())]
        # Ten thousand bans are a third of a second's work: not in the loop in which calls are.
        return await asyncio.to_thread(_listed, bans, allowed, feeds, now, enforcement(guard))

    def _ban(self, request: GuardRequest) -> Answer:
        network = self._network(request.network)
        self._check_wide(network)
        guard, now = self.guard, self.guard.clock.wall()
        if ours := guard.rules.ours.overlapping(network):
            raise UsageError(f"{network} holds {ours}, which is a PBX, a trunk or the edge itself: it is never banned")
        if guard.book.is_allowed(network) or guard.rules.white.holding(network):
            raise UsageError(f"{network} is whitelisted\n    first: voxgate allow --remove {network}, or edit the file")
        guard.put(Ban(network, HAND, now, _until(now, request.minutes), _note(request.note)))
        lasts = "for good" if request.minutes is None else f"for {request.minutes} min"
        return {"banned": str(network)}, f"{network} is banned {lasts}"

    def _unban(self, network: Network) -> Answer:
        ban = self.guard.lift(network)
        if ban is None:
            held = self.guard.book.ban_of(network)
            feed = self._feed_of(network)
            if held:
                raise UsageError(f"{network} is banned as part of {held.network}\n    voxgate unban {held.network}")
            if feed:
                raise UsageError(f"{network} stands in the feed {feed}\n    voxgate allow {network} lets it in")
            raise UsageError(f"{network} is not banned\n    `voxgate bans` lists who is")
        return {"unbanned": str(network)}, f"{network} is no longer banned"

    def _move(self, request: GuardRequest) -> Answer:
        network = self._network(request.network)
        ban = self.guard.book.ban_of(network)
        if ban is None:
            raise UsageError(f"{network} is not banned\n    `voxgate allow {network}` allows it all the same")
        return self._allow(ban.network, _note(request.note) or f"was banned: {ban.note}"[:_LONGEST_NOTE])

    def _allow(self, network: Network, note: str) -> Answer:
        self._check_wide(network)
        guard = self.guard
        lifted = guard.book.allow(allowed := Allowed(network, guard.clock.wall(), note))
        for ban in lifted:
            guard.wanted.touch(ban.network)
            guard.ledger.clear(ban.network)
            guard.write(on_disk.lift_ban(ban.network))
        guard.wanted.touch_white()
        guard.write(on_disk.put_allowed(allowed))
        said = f", {len(lifted)} ban{'s' if len(lifted) != 1 else ''} lifted" if lifted else ""
        return {"allowed": str(network), "lifted": [str(ban.network) for ban in lifted]}, f"{network} is allowed{said}"

    def _disallow(self, network: Network) -> Answer:
        guard = self.guard
        if guard.book.disallow(network) is None:
            where = "\n    it stands in the file, under guard.whitelist" if guard.rules.white.holding(network) else ""
            raise UsageError(f"{network} was not allowed by hand{where}")
        guard.wanted.touch_white()
        guard.write(on_disk.drop_allowed(network))
        return {"disallowed": str(network)}, f"{network} is no longer allowed by name"

    async def _import(self, request: GuardRequest) -> Answer:
        content = await asyncio.to_thread(files.read, Path(request.path))
        try:
            wanted = read_list(content)
        except ListError as error:
            raise UsageError(f"{request.path}: {error}") from error
        guard, now = self.guard, self.guard.clock.wall()
        taken, left = 0, 0
        for entry in wanted:
            until = entry.until or _until(now, request.minutes)
            network = entry.network
            wide = network.prefixlen < _WIDEST[network.version]
            if wide or (until and until <= now) or guard.rules.ours.overlapping(network):
                left += 1
                continue
            guard.put(Ban(network, HAND, now, until, entry.note or _note(request.note)))
            taken += 1
        said = f"{taken} taken" + (f", {left} left out: over, too wide, or ours" if left else "")
        return {"imported": taken, "left_out": left}, said

    async def _why(self, text: str) -> Answer:
        guard, now = self.guard, self.guard.clock.wall()
        network = self._network(text)
        requester = guard.rules.requester(network.network_address)
        written = await asyncio.to_thread(guard.store.evidence, requester)
        remembered = guard.ledger.evidence(requester)
        known = set(remembered)
        evidence = in_order([*(piece for piece in written if piece not in known), *remembered])
        ban = guard.book.ban_of(network)
        standing = [
            said
            for said, holds in (
                ("it is a PBX, a trunk or the edge itself, and never banned", guard.rules.ours.holding(network)),
                ("it is whitelisted in the file, and never banned", guard.rules.white.holding(network)),
                ("it is allowed by hand, and never banned", guard.book.is_allowed(network)),
            )
            if holds
        ]
        if feed := self._feed_of(network):
            standing.append(f"it stands in the feed {feed}" + ("" if standing else ", and is shut out"))
        score = guard.ledger.score(requester, now)
        case = Case(network, ban, tuple(standing), evidence, score, guard.rules.threshold)
        return why_data(case, now), why_text(case, now)

    def _network(self, text: str) -> Network:
        try:
            return network_of(text, self.guard.rules.ipv6_prefix)
        except ValueError:
            advice = "write it like 203.0.113.9, 198.51.100.0/24 or 2001:db8::/64"
            raise UsageError(f"`{text[:64]}` is neither an address nor a network\n    {advice}") from None

    def _check_wide(self, network: Network) -> None:
        if network.prefixlen < _WIDEST[network.version]:
            raise UsageError(f"{network} is too wide\n    /{_WIDEST[network.version]} is the widest")

    def _feed_of(self, network: Network) -> str | None:
        """The feed that holds a network."""
        for name, held in self.guard.wanted.feeds.items():
            if network in held or any(
                one.version == network.version and network.subnet_of(one)  # type: ignore[arg-type]
                for one in held
            ):
                return name
        return None


def enforcement(guard: Guard) -> dict[str, object]:
    """How bans are enforced: `by` kernel, engines or nobody, and why not the kernel."""
    if not guard.rules.enabled:
        return {"by": "nobody", "reason": "guard.enabled is off"}
    return {"by": "kernel" if guard.walls.by_kernel else "engines", "reason": guard.walls.alone_because}


def _until(now: datetime, minutes: int | None) -> datetime | None:
    if minutes is None:
        return None
    if not 1 <= minutes <= _LONGEST_MINUTES:
        raise UsageError(f"a ban lasts 1 to {_LONGEST_MINUTES} minutes, or for good")
    return now.astimezone(UTC) + timedelta(minutes=minutes)


def _note(text: str) -> str:
    if len(text) > _LONGEST_NOTE or not text.isprintable():
        raise UsageError(f"a note has up to {_LONGEST_NOTE} printable characters")
    return text


def _listed(
    bans: Sequence[Ban],
    allowed: list[dict[str, object]],
    feeds: list[dict[str, object]],
    now: datetime,
    by: dict[str, object],
) -> Answer:
    told = [ban_data(ban, now) for ban in bans]
    data: dict[str, object] = {"enforcement": by, "bans": told, "allowed": allowed, "feeds": feeds}
    return data, bans_text(bans, allowed, feeds, now, by)
