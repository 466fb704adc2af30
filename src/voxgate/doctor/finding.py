"""One thing that is wrong: what, why it matters, the exact cure. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Grade(Enum):
    """How bad it is."""

    ERROR = "error"  # somebody has no service
    WARNING = "warning"  # somebody will have none, or not always
    NOTE = "note"  # good to know


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is for programs and never changes its meaning; the rest is for people."""

    code: str
    grade: Grade
    what: str
    why: str
    cure: str

    def to_json(self) -> dict[str, object]:
        """The fields."""
        return {"code": self.code, "grade": self.grade.value, "what": self.what, "why": self.why, "cure": self.cure}
