"""`Config` -> the toll-fraud guards of the SIP script. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.fraud import ALL, Guard, Night

if TYPE_CHECKING:
    from voxgate.config.fraud import Counted, Fraud
    from voxgate.config.model import Config


#: In the place of a class: all calls of a PBX through trunks.
WHOLE: Final = ALL


def guards_of(config: Config) -> dict[str, Guard]:
    """PBX -> its guard, where it has one."""
    return {name: _guard(pbx.fraud) for name, pbx in config.pbxs.items() if pbx.fraud}


def counted(fraud: Fraud) -> tuple[tuple[str, Counted], ...]:
    """What may have a budget: the classes, and all calls through trunks."""
    return (*fraud.classes.items(), (WHOLE, fraud))


def _guard(fraud: Fraud) -> Guard:
    return Guard(
        refuse=fraud.mode.value == "refuse",
        verdicts=dict.fromkeys(fraud.denied, False) | dict.fromkeys(fraud.allowed, True),
        classes={prefix: name for name, entry in fraud.classes.items() for prefix in entry.prefixes},
        calls={name: entry.calls for name, entry in counted(fraud) if entry.calls},
        metered=tuple(name for name, entry in counted(fraud) if entry.minutes_per_hour or entry.minutes_per_day),
        nights=tuple(
            Night(_minute(night.start), _minute(night.end), night.timezone, night.denied) for night in fraud.nights
        ),
    )


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)
