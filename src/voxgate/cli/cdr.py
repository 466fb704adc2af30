"""`voxgate cdr`: the calls of the past, answered or not: who with whom, how it ended, how well it was heard."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr import spreadsheet
from voxgate.cli.asking import control_socket, tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, PeerError
from voxgate.wire.control import ask
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_UNITS: Final = {"m": 1, "h": 60, "d": 1440}


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    parser.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    when = "2026-03-01, 2026-03-01T08:00:00Z, or how long ago: 30m, 12h, 7d"
    parser.add_argument("--since", type=moment, default="", metavar="TIME", help=when)
    parser.add_argument("--until", type=moment, default="", metavar="TIME", help="the same")
    parser.add_argument("--pbx", default="", metavar="NAME", help="of this PBX")
    parser.add_argument("--trunk", default="", metavar="NAME", help="of this trunk")
    parser.add_argument("--number", default="", metavar="NUMBER", help="from or to it; `*` at its begin or end: 0555*")
    parser.add_argument("--source", default="", metavar="ADDRESS", help="from this address")
    ways = ("in", "out", "trunk-in", "trunk-out", "refused")
    parser.add_argument("--direction", default="", choices=ways, help="seen from the PBX")
    parser.add_argument("--call", default="", metavar="CALL-ID", help="this call")
    parser.add_argument("--limit", type=_limit, default=100, metavar="N", help="at most so many; default: 100")
    parser.add_argument("--cursor", default="", help="go on where the page before ended")


def _run(arguments: Namespace) -> int:
    names = ("since", "until", "pbx", "trunk", "number", "source", "direction", "limit", "cursor")
    wanted = {name: getattr(arguments, name) for name in names}
    request = RecordsRequest(RecordsAction.CDR, subject=arguments.call, **wanted)
    result = ask(control_socket(arguments), request, lambda text: print(f"  {text}", file=sys.stderr))
    if not arguments.csv:
        return tell(result, as_json=arguments.json)
    match result:
        case {"data": {"records": list(records)}}:
            _print_csv(records)
            return ExitCode.GOOD
    raise PeerError("the running Voxgate is of another version: restart it")


def _print_csv(records: list[dict[str, Any]]) -> None:
    sys.stdout.write(spreadsheet.head() + spreadsheet.table(records))


def moment(text: str) -> str:
    """A time as RFC 3339; how long ago is taken from now. Raises ArgumentTypeError."""
    if found := re.fullmatch(r"([1-9]\d{0,6})([mhd])", text):
        return (datetime.now(UTC) - timedelta(minutes=int(found[1]) * _UNITS[found[2]])).isoformat()
    if not text:
        return ""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 2026-03-01T08:00:00Z, 30m, 12h or 7d") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("1 to 1000")
    return int(text)


VERB = Verb("cdr", "list the calls of the past, answered or not", _add_arguments, _run)
