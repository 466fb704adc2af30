"""`voxgate explain`: one paragraph about a call, a user or an address: what went wrong, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    words = "Call-ID or number of a record (`voxgate cdr`), a user, alice or alice@example.com, or an address"
    parser.add_argument("subject", metavar="CALL|USER|ADDRESS", help=words)


def _run(arguments: Namespace) -> int:
    return ask_and_tell(arguments, RecordsRequest(RecordsAction.EXPLAIN, subject=arguments.subject))


VERB = Verb("explain", "say why a call, a user or an address is as it is", _add_arguments, _run)
