"""`voxgate rollback`: put an earlier generation's configuration back and apply it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import UsageError
from voxgate.wire.control import RollbackRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "generation", nargs="?", type=int, metavar="N", help="see `voxgate history`; default: the one before"
    )
    parser.add_argument("--yes", action="store_true", help="also what the plan marks as dangerous")
    parser.add_argument(
        "--force", action="store_true", help="replace edits that were never applied; the history keeps them"
    )
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    if arguments.generation is not None and arguments.generation < 1:
        raise UsageError(f"there is no generation {arguments.generation}\n    see `voxgate history`")
    return ask_and_tell(arguments, RollbackRequest(arguments.generation, arguments.yes, arguments.force))


VERB = Verb("rollback", "go back to an earlier generation", _add_arguments, _run)
