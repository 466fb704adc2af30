"""`voxgate logs`: the newest lines of the running Voxgate's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.admin_request import LogsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", help="lines with this in them: a Call-ID, an address, a PBX")
    parser.add_argument("--unit", default="", help="of one engine, or of `voxgate`")
    parser.add_argument("--level", default="", choices=("", "info", "warning", "error"), help="this level or worse")
    parser.add_argument("--limit", type=int, default=200, help="so many lines at most; default: 200")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    limit = max(1, arguments.limit)
    return ask_and_tell(arguments, LogsRequest(arguments.unit, arguments.level, arguments.text, limit))


VERB = Verb("logs", "show the newest lines of the log", _add_arguments, _run)
