"""What a rule says. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` for programs; `cause` and `cure` are whole sentences. The strongest (highest `weight`) is told first.

    90: proven by what was seen; 60: what an answer says by itself; 30: likely; 10: nothing is wrong.
    """

    name: str
    weight: int
    cause: str
    cure: str = ""
