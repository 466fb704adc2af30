"""`voxgate trace`: the SIP of a call as it passed, both sides of the edge, as a ladder; secrets are masked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from voxgate.cli.asking import control_socket, tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.control import ask
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    parser.add_argument("call", metavar="CALL", help="Call-ID, or the number of its record (`voxgate cdr`)")
    parser.add_argument("--full", action="store_true", help="print the messages themselves below the ladder")


def _run(arguments: Namespace) -> int:
    request = RecordsRequest(RecordsAction.TRACE, subject=arguments.call)
    result = ask(control_socket(arguments), request, lambda text: print(f"  {text}", file=sys.stderr))
    code = tell(result, as_json=arguments.json)
    match result:
        case {"data": {"messages": list(messages)}} if arguments.full and not arguments.json:
            for one in messages:
                print(f"\n--- {one['at']} {one['source']} -> {one['target']} {one['transport']}\n{one['text']}")
    return code


VERB = Verb("trace", "show the SIP of a call", _add_arguments, _run)
