"""`voxgate registrations`: who is registered through the edge, from where, over what, until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.control import RegistrationsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    return ask_and_tell(arguments, RegistrationsRequest())


VERB = Verb("registrations", "show who is registered through the edge", _add_arguments, _run)
