"""`voxgate ban`: shut an address or a network out by hand; `--import FILE` a whole list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.guarding import add_note, add_time
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import UsageError
from voxgate.wire.guard_request import GuardAction, GuardRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("network", nargs="?", metavar="ADDRESS", help="an address, or a network: 203.0.113.9")
    what.add_argument("--import", dest="list", type=Path, metavar="FILE", help="all of a list, one a line")
    add_time(parser)
    add_note(parser)


def _run(arguments: Namespace) -> int:
    minutes, note = arguments.minutes, arguments.note
    if arguments.list is None:
        return ask_and_tell(arguments, GuardRequest(GuardAction.BAN, arguments.network, minutes, note))
    if not arguments.list.is_file():
        raise UsageError(f"{arguments.list} is not there")
    path = str(arguments.list.absolute())
    return ask_and_tell(arguments, GuardRequest(GuardAction.IMPORT, "", minutes, note, path))


VERB = Verb("ban", "shut an address or a network out", _add_arguments, _run)
