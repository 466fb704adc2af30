"""`voxgate unban`: let a banned address in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.guarding import add_network, ask_guard
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.guard_request import GuardAction

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    add_network(parser)


def _run(arguments: Namespace) -> int:
    return ask_guard(arguments, GuardAction.UNBAN, arguments.network)


VERB = Verb("unban", "let a banned address in again", _add_arguments, _run)
