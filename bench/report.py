"""Rows for people and for the record: every figure with the machine, the versions and the date it comes from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

RESULTS = Path("build/bench/results.jsonl")
_FEW = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One variant: `figures` of its rounds in `unit`, compared with the variant named `beside` (empty: with none)."""

    name: str
    figures: tuple[float, ...]
    unit: str
    beside: str = ""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.figures)


def version(*argv: str) -> str:
    """The first line a program prints about its version."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def show(title: str, rows: list[Row], versions: dict[str, str]) -> dict[str, float]:
    """Print the table, append it to the record, and give each row's ratio to the row it stands beside."""
    figures = {row.name: row.figures for row in rows}
    ratios = {row.name: _ratio(row.figures, figures[row.beside]) for row in rows if row.beside}
    table = Table("variant", "median", "rounds", "ratio", "beside", title=title)
    for row in rows:
        ratio = f"{ratios[row.name]:.2f}" if row.beside else ""
        table.add_row(row.name, f"{row.value:.3f} {row.unit}", _rounds(row.figures), ratio, row.beside)
    Console().print(table)
    record = {
        "bench": title,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "versions": versions,
        "rows": [{"name": row.name, "unit": row.unit, "rounds": row.figures, "value": row.value} for row in rows],
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")
    return ratios


def _rounds(figures: tuple[float, ...]) -> str:
    """Each of a few, the range of many."""
    if len(figures) <= _FEW:
        return " ".join(f"{figure:.3f}" for figure in figures)
    return f"{min(figures):.3f} to {max(figures):.3f} in {len(figures)}"


def _ratio(figures: tuple[float, ...], beside: tuple[float, ...]) -> float:
    """The median over the rounds: what disturbs the machine for a while disturbs both figures of that round."""
    return median(one / other for one, other in zip(figures, beside, strict=True))


def verdict(name: str, ratio: float, limit: float) -> int:
    """The last line of a benchmark, and its exit code."""
    Console().print(f"{name}: ratio {ratio:.2f} (limit {limit:.2f})", highlight=False)
    return 0 if ratio <= limit else 1
