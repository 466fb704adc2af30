"""`voxgate calls`: the calls that run, who with whom, through which PBX, since when, how well they are heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.control import CallsRequest
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--live", action="store_true", help="both legs, ringing ones too, and what each party sends")
    parser.add_argument("--pbx", default="", metavar="NAME", help="with --live: of this PBX")
    parser.add_argument("--number", default="", metavar="NUMBER", help="with --live: from or to it; `0555*`")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    if not arguments.live:
        return ask_and_tell(arguments, CallsRequest())
    return ask_and_tell(arguments, RecordsRequest(RecordsAction.LIVE, pbx=arguments.pbx, number=arguments.number))


VERB = Verb("calls", "list the running calls", _add_arguments, _run)
