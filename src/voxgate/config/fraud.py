"""The toll-fraud guard of a PBX: where it may call, how long, how many at once, and what is different at night."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from voxgate.config.fields import Section, as_list
from voxgate.config.scalars import Kind


def _prefix(text: str) -> str:
    if not re.fullmatch(r"\+?[0-9*#]{0,30}", text) or not text:
        raise ValueError(f"{text!r} is no beginning of a number: digits, * and #, with + before them or without")
    return text


def _minute(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f'{text!r} is no time of day: write it in quotes, "22:00"')
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone that this machine knows: write Europe/Berlin, say") from None
    return text


Prefix = Annotated[str, AfterValidator(_prefix), Kind("beginning of a number")]
Prefixes = Annotated[tuple[Prefix, ...], BeforeValidator(as_list, json_schema_input_type=Prefix | tuple[Prefix, ...])]
TimeOfDay = Annotated[str, AfterValidator(_minute), Kind("time of day, HH:MM in quotes")]
TimeZone = Annotated[str, AfterValidator(_zone), Kind("name of a time zone")]
ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$"), Kind("short name")]
ClassNames = Annotated[
    tuple[ClassName, ...], BeforeValidator(as_list, json_schema_input_type=ClassName | tuple[ClassName, ...])
]
Minutes = Annotated[int, Field(ge=1, le=1_000_000, strict=True), Kind("minutes")]


class Mode(StrEnum):
    """What happens to a call that the guard does not like."""

    ALERT = "alert"
    REFUSE = "refuse"


class Counted(Section):
    """How much there may be of some calls."""

    calls: int | None = Field(default=None, strict=True, ge=1, le=1_000_000, description="Calls at the same time.")
    minutes_per_hour: Minutes | None = Field(default=None, description="Minutes of all calls in the last 60 minutes.")
    minutes_per_day: Minutes | None = Field(default=None, description="Minutes of all calls in the last 24 hours.")


class DestinationClass(Counted):
    """Numbers that cost alike, and how much of them there may be."""

    prefixes: Prefixes = Field(
        min_length=1, description="How these numbers begin, as the PBX dials them; the longest that fits counts."
    )


class Night(Section):
    """A time of day in which some classes may not be called."""

    start: TimeOfDay = Field(description="Its beginning.")
    end: TimeOfDay = Field(description="Its end; before the beginning: on the next day.")
    timezone: TimeZone = Field(description="Time zone of both, as the IANA names it.")
    denied: ClassNames = Field(min_length=1, description="Destination classes that may not be called then.")


class Fraud(Counted):
    """Calls that a PBX sends out: what is dear or unusual is told, or refused."""

    calls: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=1_000_000,
        description="Calls through trunks at the same time, all together; numbers in `allowed` do not count.",
    )
    minutes_per_hour: Minutes | None = Field(
        default=None, description="Minutes of all those calls in the last 60 minutes."
    )
    minutes_per_day: Minutes | None = Field(
        default=None, description="Minutes of all those calls in the last 24 hours."
    )
    mode: Mode = Field(default=Mode.ALERT, description="`alert`: tell, and let through; `refuse`: tell, and refuse.")
    denied: Prefixes = Field(default=(), description="Numbers that may not be called, by how they begin.")
    allowed: Prefixes = Field(
        default=(),
        description="Exceptions from `denied`: of all that fit, the longest of both lists counts. Emergency numbers, "
        "too: they are no part of the budget of all calls.",
    )
    classes: dict[ClassName, DestinationClass] = Field(default={}, description="Destination classes, by name.")
    nights: tuple[Night, ...] = Field(default=(), description="Times in which some classes may not be called.")
    new_destination_digits: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=15,
        description="Tell of the first answered call to each destination, told apart by so many first digits.",
    )
    end_running: bool = Field(
        default=False,
        strict=True,
        description="With `refuse`: end running calls above the minutes of their class or of all, too.",
    )

    @model_validator(mode="after")
    def _known(self) -> Fraud:
        """Nights speak of classes that exist, and no number is in two lists."""
        unknown = sorted({name for night in self.nights for name in night.denied} - set(self.classes))
        if unknown:
            raise ValueError(f"nights name {unknown[0]}, which is no class: its classes are {', '.join(self.classes)}")
        seen: dict[str, str] = {}
        lists = {"denied": self.denied, "allowed": self.allowed}
        for name, prefixes in lists.items():
            for prefix in prefixes:
                if seen.setdefault(prefix, name) != name:
                    raise ValueError(f"{prefix} is in denied and in allowed")
        owners: dict[str, str] = {}
        for name, entry in self.classes.items():
            for prefix in entry.prefixes:
                if owners.setdefault(prefix, name) != name:
                    raise ValueError(f"{prefix} is in two classes, {owners[prefix]} and {name}")
        return self
