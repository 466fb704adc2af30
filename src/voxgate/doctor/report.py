"""What one round found, as it is kept and shown. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from voxgate.doctor.finding import Finding, Grade

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of more, the worst are kept; findings come in that order.
MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Report:
    """`at`: when it looked."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Nothing but notes."""
        return all(one.grade is Grade.NOTE for one in self.findings)

    def to_json(self) -> dict[str, object]:
        """As `voxgate doctor --json` shows it, and when it was."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"at": at, "good": self.good, "findings": [one.to_json() for one in self.findings[:MOST]]}

    def count(self, grade: Grade) -> int:
        """How many of one grade."""
        return sum(one.grade is grade for one in self.findings)


def report_of(data: bytes) -> Report | None:
    """A report that was kept; None for everything else."""
    try:
        fields: Mapping[str, object] = json.loads(data)
        listed = fields["findings"]
        at = datetime.fromisoformat(str(fields["at"]))
        if at.tzinfo is None or not isinstance(listed, list):
            return None
        return Report(at, tuple(_finding(one) for one in listed[:MOST]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _finding(one: Mapping[str, object]) -> Finding:
    code, what, why, cure = (str(one[key]) for key in ("code", "what", "why", "cure"))
    return Finding(code, Grade(one["grade"]), what, why, cure)
