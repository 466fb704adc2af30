"""What the demo claims, and what became of it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Outcome:
    """`words` is the sentence for a person: what was seen, or what was not."""

    held: bool
    words: str


@dataclass(frozen=True, slots=True)
class Claim:
    """`title` is the claim, `proof` how it is proven, `prove` does it.

    `prove` raises LabError, PhoneError, RecordingError, OSError or TimeoutError when a part of the lab does not do
    what it needs: the claim is not proven then.
    """

    title: str
    proof: str
    prove: Callable[[Stage], Outcome]


@dataclass(frozen=True, slots=True)
class Result:
    """A claim after its trial."""

    claim: Claim
    outcome: Outcome
    seconds: float
