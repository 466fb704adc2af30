"""`voxgate status`: engines, listeners, PBX nodes, certificate. Exit code 0 when all is well, 1 when not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.control import StatusRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    return ask_and_tell(arguments, StatusRequest())


VERB = Verb("status", "show how everything is", _add_arguments, _run)
