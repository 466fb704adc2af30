"""`voxgate allow`: put an address on the white list, where it is never banned; `--from-ban` moves a ban there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.guarding import add_network, add_note, ask_guard
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.guard_request import GuardAction

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    add_network(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--from-ban", action="store_true", help="move its ban to the white list, as wide as the ban is")
    how.add_argument("--remove", action="store_true", help="take it off the white list")
    add_note(parser)


def _run(arguments: Namespace) -> int:
    action = GuardAction.MOVE if arguments.from_ban else GuardAction.ALLOW
    action = GuardAction.DISALLOW if arguments.remove else action
    return ask_guard(arguments, action, arguments.network, note=arguments.note)


VERB = Verb("allow", "never ban an address or a network", _add_arguments, _run)
