"""`voxgate history`: what was applied when, by whom, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell, tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.plan.history import History
from voxgate.supervise.control import Told
from voxgate.supervise.outcome import history_table
from voxgate.wire.control import HistoryRequest, NotRunningError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    try:
        return ask_and_tell(arguments, HistoryRequest())
    except NotRunningError:
        # The files speak for themselves.
        records = History(arguments.state_dir / "generations").records()
    data: dict[str, object] = {"running": None, "generations": [record.to_json() for record in records]}
    return tell(Told(data, history_table(records, None)).to_json(), as_json=arguments.json)


VERB = Verb("history", "list the generations", _add_arguments, _run)
