"""`voxgate bans`: who is shut out and why, who never is, and which feeds are read."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from voxgate.cli.asking import ask_and_tell, control_socket
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode
from voxgate.guard.lists import line_of
from voxgate.wire.control import ask
from voxgate.wire.guard_request import GuardAction, GuardRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)
    parser.add_argument("--export", action="store_true", help="print the bans as `voxgate ban --import` reads them")


def _run(arguments: Namespace) -> int:
    request = GuardRequest(GuardAction.BANS)
    if not arguments.export:
        return ask_and_tell(arguments, request)
    data: Any = ask(control_socket(arguments), request, lambda _: None)["data"]
    for ban in data["bans"]:
        until = datetime.fromisoformat(ban["until"]) if ban["until"] else None
        print(line_of(ip_network(ban["network"]), until, ban["note"]))
    return ExitCode.GOOD


VERB = Verb("bans", "list who is shut out, and who never is", _add_arguments, _run)
