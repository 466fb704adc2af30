"""`voxgate plan`: what `apply` would do, and what that means for calls. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell, given_file, tell
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.daemon import plan_offline
from voxgate.engines.base import Places
from voxgate.supervise.outcome import plan_told
from voxgate.wire.control import NotRunningError, PlanRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: the file that runs")
    parser.add_argument("--diff", action="store_true", help="show the differences of the engines' files too")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    file = given_file(arguments)
    try:
        return ask_and_tell(arguments, PlanRequest(file, arguments.diff))
    except NotRunningError:
        # Against what was applied last, then.
        plan = plan_offline(file or DEFAULT_FILE, Places(run=arguments.run_dir, state=arguments.state_dir))
        return tell(plan_told(plan, with_diff=arguments.diff).to_json(), as_json=arguments.json)


VERB = Verb("plan", "show what `apply` would do, and what it means for calls", _add_arguments, _run)
