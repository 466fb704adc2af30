"""Bans and evidence, for people and for programs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voxgate.guard.bans import Ban
    from voxgate.guard.ledger import Evidence
    from voxgate.guard.networks import Network


@dataclass(frozen=True, slots=True)
class Case:
    """All that is known of an address. `standing` says why it is never banned, or which feed has it."""

    network: Network
    ban: Ban | None
    standing: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    score: int
    threshold: int


def time_text(time: datetime) -> str:
    """RFC 3339 in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def left(ban: Ban, now: datetime) -> str:
    """How long it still lasts."""
    if ban.until is None:
        return "for good"
    seconds = max(0, round((ban.until - now).total_seconds()))
    return (
        f"{seconds // 3600} h {seconds // 60 % 60} min" if seconds >= 3600 else f"{seconds // 60} min {seconds % 60} s"
    )


def ban_data(ban: Ban, now: datetime) -> dict[str, object]:
    """A ban for programs."""
    return {
        "network": str(ban.network),
        "origin": ban.origin,
        "since": time_text(ban.since),
        "until": time_text(ban.until) if ban.until else None,
        "seconds_left": max(0, round((ban.until - now).total_seconds())) if ban.until else None,
        "offence": ban.offence,
        "note": ban.note,
    }


def bans_text(
    bans: Sequence[Ban],
    allowed: Sequence[Mapping[str, Any]],
    feeds: Sequence[Mapping[str, Any]],
    now: datetime,
    enforcement: Mapping[str, object],
) -> str:
    """The black list, the white list, the feeds."""
    by = f"enforced by: {enforcement['by']}" + (f" ({enforcement['reason']})" if enforcement["reason"] else "")
    parts = [by]
    rows = [(str(ban.network), ban.origin, left(ban, now), time_text(ban.since), ban.note) for ban in bans]
    parts += _table(("banned", "by", "time left", "since", "because"), rows) or ["nobody is banned"]
    white = [(str(one["network"]), str(one["origin"]), str(one["since"] or "-"), str(one["note"])) for one in allowed]
    parts += _table(("allowed", "by", "since", "note"), white)
    parts += _table(("feed", "networks"), [(str(feed["name"]), str(feed["networks"])) for feed in feeds])
    return "\n".join(parts)


def why_data(case: Case, now: datetime) -> dict[str, object]:
    """All that is known of an address, for programs."""
    return {
        "network": str(case.network),
        "ban": ban_data(case.ban, now) if case.ban else None,
        "standing": list(case.standing),
        "score": case.score,
        "threshold": case.threshold,
        "evidence": [
            {
                "time": _exact(piece.observation.at),
                "source": str(piece.observation.requester),
                "protocol": piece.observation.protocol.value,
                "kind": piece.observation.kind.value,
                "name": piece.observation.name,
                "user": piece.observation.user,
                "detail": piece.observation.detail,
                "proven": piece.observation.proven,
                "weight": piece.weight,
                "result": piece.result,
            }
            for piece in case.evidence
        ],
    }


def why_text(case: Case, now: datetime) -> str:
    """The same for people: the verdict first, then the time line."""
    network, ban = case.network, case.ban
    if ban:
        by = "the guard" if ban.origin == "guard" else "hand"
        lines = [f"{network} is banned by {by} since {time_text(ban.since)}, time left: {left(ban, now)}"]
        if ban.network != network:
            lines.append(f"  as part of {ban.network}")
        if ban.note:
            lines.append(f"  because: {ban.note}")
        if ban.offence > 1:
            lines.append(f"  it is its ban number {ban.offence} within 30 days")
    else:
        lines = [f"{network} is not banned: {case.score} of {case.threshold} points within the last minute"]
    lines += [f"  {said}" for said in case.standing]
    rows = [
        (
            _exact(piece.observation.at),
            piece.observation.protocol.value,
            piece.observation.kind.value,
            piece.observation.name or "-",
            piece.observation.user or "-",
            piece.observation.detail or "-",
            str(piece.weight),
            piece.result,
        )
        for piece in case.evidence
    ]
    head = ("time", "protocol", "what", "service name", "user", "detail", "weight", "result")
    return "\n".join([*lines, *(_table(head, rows) or ["", "there is no evidence against it"])])


def _exact(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    pairs = (zip(row, widths, strict=True) for row in (head, *rows))
    return ["", *("  ".join(cell.ljust(width) for cell, width in pair).rstrip() for pair in pairs)]
