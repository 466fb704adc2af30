"""A machine is lost: its backup makes another one ring, with the same history, records and keys."""

from __future__ import annotations

import asyncio
import json
import shutil

from tests.engine.office import MARKS, Office, a_call_works, office, until

pytestmark = MARKS


def recorded(place: Office) -> int:
    """How many calls that have ended are on record."""
    return sum(record["state"] == "ended" for record in json.loads(place.edge.command("cdr", "--json").out)["records"])


def test_backup_while_it_runs_then_wipe_restore_and_call() -> None:
    with office() as place:
        edge, state = place.edge, place.folder / "state"
        asyncio.run(a_call_works(place))
        asyncio.run(until(lambda: recorded(place) == 1, 20))
        file = str(place.folder / "edge.backup")
        config = ("--config", str(edge.file))
        kept = edge.command("backup", file, *config)
        assert (kept.code, "read again, good" in kept.out) == (0, True), kept.err
        refused = edge.command("restore", file, *config)
        assert refused.code == 1
        assert "Voxgate runs" in refused.err
        assert "systemctl stop voxgate" in refused.err
        before = (edge.status()["generation"], (state / "topology.key").read_text())
        edge.stop()
        shutil.rmtree(state)
        edge.file.unlink()
        restored = edge.command("restore", file, *config)
        assert restored.code == 0, restored.err
        edge.start()
        assert (edge.status()["generation"], (state / "topology.key").read_text()) == before
        assert recorded(place) == 1
        asyncio.run(a_call_works(place))
