"""Metric families and their text, format 0.0.4 of Prometheus. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
#: Series of one family; more is a mistake that would drown the one who scrapes.
MOST_SAMPLES: Final = 20_000

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its series."""

    name: str
    kind: Literal["gauge", "counter"]
    sentence: str
    samples: tuple[tuple[Labels, float], ...]


def gauge(name: str, sentence: str, *samples: tuple[Labels, float]) -> Family:
    """What goes up and down."""
    return Family(name, "gauge", sentence, samples)


def counter(name: str, sentence: str, *samples: tuple[Labels, float]) -> Family:
    """What only grows, but for a restart; its name ends with `_total`."""
    return Family(name, "counter", sentence, samples)


def exposition(families: Iterable[Family]) -> str:
    """The text. A family without samples is left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples or not _NAME.fullmatch(family.name):
            continue
        lines.append(f"# HELP {family.name} {_escaped(family.sentence)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [f"{family.name}{_labels(labels)} {_number(value)}" for labels, value in family.samples[:MOST_SAMPLES]]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels) + "}"


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
