"""What the demo shows: the network, live progress, the table of results; colours only on a terminal."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from lab.demo.claim import Claim, Result

NETWORK = """\
 phone-home  ──[NAT, port-restricted]─┐                                ┌─ pbx-hq-a    plays 620 Hz
 phone-hotel ──[NAT, symmetric]───────┤ internet   [router]     office ├─ pbx-hq-b    plays 710 Hz
 phone-six   ──[IPv6 only]────────────┼──────────[no hairpin]────LAN───┼─ pbx-branch  plays 890 Hz
 stranger, provider ──────────────────┘ 203.0.113.45       192.168.1.x ├─ phone-lan
                                                                       └─ edge: Voxgate, one interface
"""


WIDTH = 120
"""Columns where no terminal says how many it has."""


class Board:
    """Takes what happens, from any thread."""

    def __init__(self, console: Console, lanes: Sequence[Sequence[Claim]]) -> None:
        self._console = console
        self._claims = [claim for lane in lanes for claim in lane]
        self._running: dict[str, Spinner] = {}
        self._results: dict[str, Result] = {}
        self._lock = threading.Lock()
        self._live: Live | None = None

    def start(self) -> None:
        """Draw the network, and on a terminal the table that fills."""
        self._console.print(NETWORK, highlight=False, markup=False, soft_wrap=True)
        if self._console.is_terminal:
            self._live = Live(self, console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        else:
            self._console.print(f"{len(self._claims)} claims; the network is being built", highlight=False)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def ready(self, seconds: float) -> None:
        """The edge runs."""
        self._console.print(f"edge and PBXs run after {seconds:.1f} s", highlight=False)

    def begun(self, claim: Claim) -> None:
        """A trial began."""
        with self._lock:
            self._running[claim.title] = Spinner("dots")

    def done(self, result: Result) -> None:
        """A trial ended."""
        with self._lock:
            self._results[result.claim.title] = result
        if self._live is None:
            self._console.print(f"{_word(result)}  {result.claim.title} ({result.seconds:.0f} s)", highlight=False)

    def summary(self, results: Sequence[Result], seconds: float) -> None:
        """The table, and a sentence for each claim that failed."""
        self.stop()
        shown = Table(title=f"What was proven in {seconds:.0f} s", title_justify="left", show_lines=True)
        for heading in ("claim", "how it was proven", "result"):
            shown.add_column(heading, overflow="fold")
        for result in results:
            words = result.outcome.words if result.outcome.held else ""
            state = Text.assemble((_word(result), _style(result)), f" {words}")
            shown.add_row(Text(result.claim.title), Text(result.claim.proof), state)
        self._console.print(shown)
        failed = [result for result in results if not result.outcome.held]
        for result in failed:
            sentence = Text.assemble(("FAILED ", "bold red"), f"{result.claim.title}: {result.outcome.words}.")
            self._console.print(sentence)
        good = len(results) - len(failed)
        self._console.print(f"{good} of {len(results)} claims held.", highlight=False)
        if failed:
            self._console.print("`python -m lab demo --keep` keeps the logs.", highlight=False, markup=False)

    def __rich__(self) -> RenderableType:
        """Progress, for rich."""
        shown = Table.grid(padding=(0, 1))
        with self._lock:
            for claim in self._claims:
                result = self._results.get(claim.title)
                state: RenderableType = self._running.get(claim.title, "")
                if result is not None:
                    state = Text("+" if result.outcome.held else "x", _style(result))
                shown.add_row(state, Text(claim.title), Text(result.outcome.words if result else "", "dim"))
        return shown


@contextmanager
def board(lanes: Sequence[Sequence[Claim]], *, quiet: bool) -> Iterator[Board]:
    """A board that is always put away. `quiet`: progress goes to stderr, stdout stays free."""
    made = Board(_console(stderr=quiet), lanes)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=WIDTH)


def as_json(results: Sequence[Result], seconds: float) -> str:
    """One object: `held`, `seconds`, `claims`."""
    rows = [
        {
            "claim": result.claim.title,
            "proof": result.claim.proof,
            "held": result.outcome.held,
            "words": result.outcome.words,
            "seconds": round(result.seconds, 1),
        }
        for result in results
    ]
    held = all(result.outcome.held for result in results)
    return json.dumps({"held": held, "seconds": round(seconds, 1), "claims": rows}, indent=2, ensure_ascii=False)


def _word(result: Result) -> str:
    return "held" if result.outcome.held else "FAILED"


def _style(result: Result) -> str:
    return "green" if result.outcome.held else "bold red"
