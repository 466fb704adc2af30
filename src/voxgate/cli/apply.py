"""`voxgate apply`: make the configuration effective, or change nothing and say why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell, given_file
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.control import ApplyRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: the file that runs")
    parser.add_argument("--yes", action="store_true", help="also what the plan marks as dangerous")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    return ask_and_tell(arguments, ApplyRequest(given_file(arguments), arguments.yes))


VERB = Verb("apply", "make the configuration effective with the smallest sufficient action", _add_arguments, _run)
