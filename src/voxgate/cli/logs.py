"""`voxgate logs`: the newest lines of the running Voxgate's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.admin_request import LogsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", help="lines with this in them")
    parser.add_argument("--call", default="", help="of this call: a Call-ID, or the number of its record")
    parser.add_argument("--address", default="", help="with this address")
    parser.add_argument("--pbx", default="", metavar="NAME", help="with this PBX, one of its nodes or of its names")
    parser.add_argument("--unit", default="", help="of one engine, or of `voxgate`")
    parser.add_argument("--level", default="", choices=("", "info", "warning", "error"), help="this level or worse")
    parser.add_argument("--limit", type=int, default=200, help="so many lines at most; default: 200")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    limit = max(1, arguments.limit)
    about = (arguments.call, arguments.address, arguments.pbx)
    return ask_and_tell(arguments, LogsRequest(arguments.unit, arguments.level, arguments.text, limit, *about))


VERB = Verb("logs", "show the newest lines of the log", _add_arguments, _run)
