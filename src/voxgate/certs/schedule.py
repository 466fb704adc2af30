"""When the next order is due. Pure: time and chance are arguments.

A certificate is renewed when the authority suggests it (ARI, RFC 9773), else when a third of its life is left. A
failure is followed by a pause that doubles; what the authority says about its limits counts in any case. Times are
epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

FIRST_PAUSE_S: Final = 300.0
LONGEST_PAUSE_S: Final = 12 * 3600.0
#: Let's Encrypt signs the same names five times in a week: one is left for a person.
MOST_ORDERS: Final = 4
ORDERS_WITHIN_S: Final = 7 * 86400.0
#: Part of a life that is left when the authority suggests nothing.
LEFT: Final = 1 / 3
#: Renewals of one day spread over so much of a life, so that not all edges come at once.
SPREAD: Final = 1 / 30
#: A certificate for a day or less is a test's, or its authority's idea of a short life: no limit is known for these.
SHORT_LIFE_S: Final = 86400.0
_KEPT_ORDERS: Final = 20


@dataclass(frozen=True, slots=True)
class Memory:
    """How orders went. `chance` (0..1) is drawn with each order; `suggested_s` is the authority's wish, 0 none.

    `not_before_s`: nothing is ordered earlier, whatever is due. `ask_s`: when to ask for the authority's wish again.
    `wanted`: what the orders were for; an order for other names is another one to the authority's limits.
    """

    failures: int = 0
    not_before_s: float = 0.0
    error: str = ""
    failed_s: float = 0.0
    orders_s: tuple[float, ...] = ()
    suggested_s: float = 0.0
    ask_s: float = 0.0
    chance: float = 0.5
    wanted: str = ""

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Memory:
        """What was kept. Raises TypeError, ValueError for what is not ours."""
        orders = tuple(float(order) for order in data["orders_s"])
        not_before_s, failed_s, suggested_s, ask_s, chance = (
            float(data[key]) for key in ("not_before_s", "failed_s", "suggested_s", "ask_s", "chance")
        )
        failures, error, wanted = int(data["failures"]), str(data["error"]), str(data["wanted"])
        return cls(failures, not_before_s, error, failed_s, orders, suggested_s, ask_s, chance, wanted)


@dataclass(frozen=True, slots=True)
class Life:
    """What is shown now. `fits`: it was ordered for the names and the authority that are asked for today."""

    begins_s: float
    expires_s: float
    fits: bool


def due_s(life: Life | None, memory: Memory, wanted: str) -> float:
    """When to order `wanted` (the names and the authority, in one word); in the past: now."""
    if life is None or not life.fits:
        at = 0.0
    else:
        length = life.expires_s - life.begins_s
        at = life.expires_s - length * (LEFT + SPREAD * memory.chance)
        if memory.suggested_s:
            at = min(memory.suggested_s, life.expires_s - length * LEFT / 4)
    if memory.wanted != wanted:
        return at
    return max(at, memory.not_before_s, _limit_s(life, memory))


def _limit_s(life: Life | None, memory: Memory) -> float:
    """The earliest moment at which one more order is not too many."""
    if life is not None and life.expires_s - life.begins_s <= SHORT_LIFE_S:
        return 0.0
    recent = memory.orders_s[-MOST_ORDERS:]
    return recent[0] + ORDERS_WITHIN_S if len(recent) == MOST_ORDERS else 0.0


def ordered(memory: Memory, wanted: str, now_s: float) -> Memory:
    """After the authority signed."""
    before = memory.orders_s if memory.wanted == wanted else ()
    return replace(memory, orders_s=(*before, now_s)[-_KEPT_ORDERS:], wanted=wanted)


def succeeded(memory: Memory, wanted: str, chance: float) -> Memory:
    """After what was signed is shown."""
    return Memory(orders_s=memory.orders_s, chance=chance, wanted=wanted)


def failed(
    memory: Memory, wanted: str, error: str, now_s: float, *, chance: float, retry_after_s: float = 0.0
) -> Memory:
    """After an order that was not signed, or not taken by an engine. `retry_after_s`: the authority's own word."""
    if memory.wanted != wanted:
        memory = Memory(wanted=wanted)
    pause = min(FIRST_PAUSE_S * 2.0**memory.failures, LONGEST_PAUSE_S) * (0.75 + chance / 2)
    pause = max(pause, retry_after_s)
    failures = min(memory.failures + 1, 30)
    return replace(memory, failures=failures, not_before_s=now_s + pause, error=error, failed_s=now_s, chance=chance)


def suggested(memory: Memory, at_s: float | None, ask_s: float) -> Memory:
    """After the authority was asked for its wish; None: it has none."""
    return replace(memory, suggested_s=at_s or 0.0, ask_s=ask_s)
