"""One edge on a machine made of dicts, with real files for the configuration and the history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.unit.plan.world import FakeMachine, desired
from voxgate.config.load import Loaded, Source, load, load_sources
from voxgate.config.secrets import SecretPlaces
from voxgate.plan.history import History, Outcome
from voxgate.supervise.control import Caller, Told
from voxgate.supervise.status import Status
from voxgate.supervise.verbs import Machine, Operations, Reading
from voxgate.wire.control import ApplyRequest, RollbackRequest

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.plan.desired import Desired

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ONE = """\
edge: {domain: edge.example.com}
pbxs:
  hq: {names: [example.com], nodes: [172.16.0.10]}
"""
TWO = ONE + "  branch: {names: [branch.example], nodes: [172.16.8.10]}\n"
MOVED = ONE + "media: {ports: 30000-40000}\n"
BROKEN = "edge: [\n"


def read_texts(main: Path, sources: tuple[Source, ...]) -> Loaded:
    return load_sources(sources, SecretPlaces(main.parent / "secrets", {}), NOW)


def want(config: Config, generation: int) -> Desired:
    return desired(config, generation)


async def observed(running: Desired, warnings: tuple[str, ...]) -> Status:
    return Status(NOW, running.generation, (), (), (), "", (), None, warnings)


@dataclass
class Edge:
    """One edge on a machine made of dicts, with real files for the configuration and the history."""

    folder: Path

    def __post_init__(self) -> None:
        self.main = self.folder / "voxgate.yaml"
        self.main.write_text(ONE)
        self.history = History(self.folder / "state/generations")
        self.reading = Reading(load, read_texts, want, self.history)
        self.reboot()

    def reboot(self) -> None:
        """A new Voxgate on a machine where nothing runs."""
        self.hands = FakeMachine()
        machine = Machine(self.hands, self.read_back, observed, lambda: NOW)
        self.operations = Operations(self.main, self.reading, machine)

    def read_back(self, running: Desired) -> dict[tuple[str, str], bytes | None]:
        keys = [(state.name, file.path) for state in running.engines for file in state.files]
        return {key: self.hands.disk.get(key) for key in keys}

    def start(self) -> object:
        return asyncio.run(self.operations.start("root"))

    def apply(self, text: str | None = None, *, yes: bool = False) -> Told:
        if text is not None:
            self.main.write_text(text)
        return asyncio.run(self.operations.apply(ApplyRequest(yes=yes), Caller("ops", lambda _: None)))

    def rollback(self, number: int | None = None, *, yes: bool = True, force: bool = False) -> Told:
        request = RollbackRequest(number, yes, force)
        return asyncio.run(self.operations.rollback(request, Caller("ops", lambda _: None)))

    def outcomes(self) -> list[tuple[int, str, Outcome]]:
        return [(record.generation, record.verb, record.outcome) for record in self.history.records()]
