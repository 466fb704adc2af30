"""`voxgate run`: start the engines and watch them until told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate import daemon
from voxgate.cli.verb import Verb, add_file_argument
from voxgate.engines.base import Places

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_file_argument(parser)
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="default: text")


def _run(arguments: Namespace) -> int:
    places = Places(run=arguments.run_dir, state=arguments.state_dir)
    return daemon.run(arguments.file.absolute(), places, arguments.log_format)


VERB = Verb("run", "run the edge in the foreground", _add_arguments, _run)
