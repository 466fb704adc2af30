"""Certificates: orders at authorities, renewals, and whether every listener shows what it should."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from voxgate.certs.answers import Answers
from voxgate.certs.order import Clerk
from voxgate.certs.service import Service
from voxgate.certs.store import Origin
from voxgate.daemon.part import Part
from voxgate.errors import ExitCode, VoxgateError
from voxgate.supervise.control import Told
from voxgate.supervise.panel import Panel, section
from voxgate.wire.certs_request import CertsAction, CertsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from voxgate.certs.handshake import Finding
    from voxgate.certs.standing import Standing
    from voxgate.certs.store import Shown
    from voxgate.config.model import Config
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.resolver import Resolver
    from voxgate.supervise.control import Caller

_ORIGINS: Final = {Origin.FILE: "file", Origin.ACME: "ACME", Origin.OWN: "the edge itself"}
_HEAD: Final = ("certificate", "signed by", "until", "next order", "names", "alarm")
_NAMES_TOLD: Final = 3


class Certificates:
    """The certificates of a running edge. `refresh` makes the engines take what the store shows."""

    def __init__(self, resolver: Resolver, clock: Clock, refresh: Callable[[], Awaitable[str]]) -> None:
        store = self._store = resolver.store
        self._resolve = resolver.certificate
        self._refresh = refresh
        clerk = Clerk(store.folder / "accounts", Answers())
        self._service = Service(store, clerk, clock, self._show, secrets.SystemRandom().random)

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(serve=(self._service.serve,), applied=self._service.applied, panels=self._panels)

    def default(self, config: Config) -> Shown:
        """What clients are shown, also while a file of the configuration cannot be read. Raises HostError."""
        return self._service.default() or self._resolve(config)

    async def told(self, request: CertsRequest, caller: Caller) -> Told:
        """The answer to `voxgate certs`. Raises UsageError."""
        if request.action is CertsAction.RENEW:
            wrong = await self._service.renew(request.name, caller.progress)
            return self._list(wrong, ExitCode.FAILED if wrong else ExitCode.GOOD)
        if request.action is CertsAction.VERIFY:
            return _verified(await self._service.verified())
        return self._list((), ExitCode.GOOD)

    def _list(self, wrong: tuple[str, ...], code: ExitCode) -> Told:
        standings = self._service.standings()
        alarms = wrong or self._service.alarms()
        data: dict[str, object] = {
            "certificates": [_data(one) for one in standings],
            "alarms": list(alarms),
            "authority": str(self._store.authority_path),
        }
        lines = section(_HEAD, [_row(one) for one in standings])[1:]
        lines += [f"! {words}" for words in alarms]
        if any(one.shown.origin is Origin.OWN for one in standings):
            lines += ["", f"Clients that trust {self._store.authority_path} trust what the edge itself has signed."]
        return Told(data, "\n".join(lines), code)

    def _panels(self, desired: Desired) -> tuple[Panel, ...]:
        del desired
        standings = self._service.standings()
        rows = tuple(_row(one) for one in standings) if len(standings) > 1 or self._service.alarms() else ()
        return (Panel("certificates", _HEAD, rows, tuple(map(_data, standings)), self._service.alarms()),)

    async def _show(self) -> str:
        try:
            return await self._refresh()
        except VoxgateError as error:
            return str(error)


def _row(one: Standing) -> tuple[str, ...]:
    names = ", ".join(one.shown.names[:_NAMES_TOLD])
    more = f" and {len(one.shown.names) - _NAMES_TOLD} more" if len(one.shown.names) > _NAMES_TOLD else ""
    return (
        one.shown.name,
        _ORIGINS[one.shown.origin],
        _time(one.shown.expires.timestamp()) or "-",
        _time(one.next_s) or "-",
        names + more,
        one.alarm or "-",
    )


def _data(one: Standing) -> dict[str, object]:
    return {
        "name": one.shown.name,
        "origin": one.shown.origin.value,
        "issuer": one.shown.issuer,
        "names": list(one.shown.names),
        "begins": _time(one.shown.begins.timestamp()),
        "expires": _time(one.shown.expires.timestamp()),
        "complete": one.shown.complete,
        "lacking": list(one.lacking),
        "next_order": _time(one.next_s),
        "alarm": one.alarm,
    }


def _verified(findings: tuple[Finding, ...]) -> Told:
    wrong = [finding for finding in findings if finding.wrong]
    data: dict[str, object] = {
        "good": not wrong,
        "handshakes": [
            {
                "purpose": finding.question.listener.purpose,
                "address": finding.question.listener.address,
                "port": finding.question.listener.port,
                "name": finding.question.name,
                "certificate": finding.question.certificate,
                "version": finding.version,
                "wrong": finding.wrong,
            }
            for finding in findings
        ],
    }
    lines = [str(finding) for finding in findings] or ["no listener with TLS"]
    lines.append(f"{len(findings) - len(wrong)} of {len(findings)} handshakes as they should be")
    return Told(data, "\n".join(lines), ExitCode.FAILED if wrong else ExitCode.GOOD)


def _time(epoch_s: float | None) -> str | None:
    if epoch_s is None:
        return None
    return datetime.fromtimestamp(max(epoch_s, 0.0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
