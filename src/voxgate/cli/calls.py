"""`voxgate calls`: the calls that run, who with whom, through which PBX, since when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.control import CallsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    return ask_and_tell(arguments, CallsRequest())


VERB = Verb("calls", "list the running calls", _add_arguments, _run)
