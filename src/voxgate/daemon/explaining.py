"""Why: gathers what is known about a call, a user or an address, and asks the rules."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from voxgate.calls.autopsy.case import Banned, Case, Evidence
from voxgate.calls.autopsy.verdict import explain
from voxgate.calls.cdr.reports import user_of
from voxgate.calls.cdr.search import Query
from voxgate.calls.cdr.value import clean
from voxgate.calls.trace.ladder import host_of
from voxgate.errors import UsageError
from voxgate.guard.networks import network_of
from voxgate.guard.observation import requester_of
from voxgate.supervise.control import Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.calls.cdr.value import Cdr
    from voxgate.calls.trace.message import Sip
    from voxgate.daemon.records import CallRecords
    from voxgate.guard.service import Guard
    from voxgate.supervise.registrations import Keeper

_LONGEST: Final = 512
_MOST_MESSAGES: Final = 400
_MOST_CALLS: Final = 20
#: An older call that failed says nothing about a user now.
_LATELY: Final = timedelta(hours=1)


class Explaining:
    """Answers `voxgate explain`."""

    def __init__(self, records: CallRecords, guard: Guard, registrations: Keeper) -> None:
        self._records = records
        self._guard = guard
        self._registrations = registrations

    async def told(self, subject: str) -> Told:
        """The answer. Raises UsageError, HostError."""
        case = await self._case(subject)
        verdict = explain(case)
        record = case.cdr.to_json() if case.cdr else None
        return Told({**verdict.to_json(), "record": record}, verdict.text)

    async def _case(self, subject: str) -> Case:
        """All that is known. Raises UsageError, HostError."""
        if not subject or len(subject) > _LONGEST:
            raise UsageError("that is no call, user or address\n    `voxgate cdr` lists calls with their numbers")
        case = Case(clean(subject, 64), own=self._records.own)
        if requester_of(subject):
            case = await self._address(case, subject)
        elif cdr := await self._call(subject):
            case = self._of_call(case, cdr)
        elif messages := self._records.messages(subject):
            case = replace(case, messages=messages)
        else:
            case = await self._user(case, subject.removeprefix("sip:"))
        return case

    async def _call(self, subject: str) -> Cdr | None:
        recorder = self._records.recorder
        if subject.isdecimal() and len(subject) < 16 and (found := await recorder.record(int(subject))):
            return await recorder.as_heard(found)
        page = await recorder.search(Query(call_id=subject, limit=1))
        return await recorder.as_heard(page.records[0]) if page.records else None

    def _of_call(self, case: Case, cdr: Cdr) -> Case:
        return replace(case, cdr=cdr, messages=self._records.messages(cdr.call_id))

    async def _address(self, case: Case, subject: str) -> Case:
        case = await self._guarded(case, subject)
        source = str(requester_of(subject))
        if case.ban is None and not case.evidence:
            page = await self._records.recorder.search(Query(source=source, limit=1))
            if page.records:
                return self._of_call(case, page.records[0])
        return replace(case, messages=self._registering(lambda one: host_of(one.message.source) == source))

    async def _user(self, case: Case, subject: str) -> Case:
        user = subject.partition("@")[0]
        now = self._guard.clock.wall()
        listed = self._registrations.book.listed(now)
        mine = tuple(dict.fromkeys(one.address for one in listed if one.aor.partition("@")[0] == user))
        messages = self._registering(lambda one: user_of(_uri(one.header("to"))) == user)
        case = replace(case, registered=mine, messages=messages)
        for address in dict.fromkeys(host_of(one.message.source) for one in messages if case.came_in(one)):
            seen = await self._guarded(case, address)
            about = tuple(one for one in seen.evidence if not one.user or one.user.partition("@")[0] == user)
            case = replace(case, ban=case.ban or seen.ban, evidence=(*case.evidence, *about))
        if mine or not messages:
            query = Query(since=now - _LATELY, number=user.replace("*", ""), limit=1)
            page = await self._records.recorder.search(query)
            if page.records and not page.records[0].answer:
                return self._of_call(case, page.records[0])
        return case

    async def _guarded(self, case: Case, address: str) -> Case:
        """With what the guard knows of an address."""
        guard = self._guard
        try:
            network = network_of(address, guard.rules.ipv6_prefix)
        except ValueError:
            return case
        requester = guard.rules.requester(network.network_address)
        written = await asyncio.to_thread(guard.store.evidence, requester)
        seen = [piece.observation for piece in dict.fromkeys([*written, *guard.ledger.evidence(requester)])]
        evidence = tuple(
            Evidence(one.at, str(one.requester), one.protocol.value, one.kind.value, one.name, one.user, one.detail)
            for one in seen
        )
        ban = guard.book.ban_of(network)
        banned = Banned(str(ban.network), ban.since, ban.until, ban.note or ban.origin) if ban else None
        return replace(case, evidence=evidence, ban=banned)

    def _registering(self, wanted: Callable[[Sip], bool]) -> tuple[Sip, ...]:
        """Messages of the latest registrations that are wanted."""
        found: list[Sip] = []
        for messages in self._records.registrations(_MOST_CALLS, wanted):
            found += messages
            if len(found) > _MOST_MESSAGES:
                break
        return tuple(sorted(found, key=lambda one: one.message.epoch_s))


def _uri(value: str) -> str:
    return value.partition("<")[2].partition(">")[0] or value
