"""`voxgate turn credentials`: time-limited credentials for a browser or a test."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from voxgate.cli.output import print_json
from voxgate.cli.verb import Verb, add_file_argument, add_json_argument
from voxgate.config.load import load
from voxgate.engines.turn_credentials import credentials
from voxgate.errors import ExitCode, UsageError
from voxgate.host.clock import SystemClock

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")
_LONGEST_S = 7 * 86400


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=("credentials",), help="make credentials from turn.shared_secret")
    add_file_argument(parser)
    parser.add_argument("--user", default="voxgate", metavar="NAME", help="whom they are for; quotas count by it")
    parser.add_argument("--seconds", type=int, metavar="N", help="how long they are good; default: as configured")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    """0, or 2 where the configuration has no shared secret."""
    if not _NAME.fullmatch(arguments.user):
        raise UsageError(
            f"`{arguments.user}` is no name for credentials\n    use up to 64 letters, digits and . _ - + @"
        )
    if arguments.seconds is not None and not 60 <= arguments.seconds <= _LONGEST_S:
        raise UsageError(f"--seconds {arguments.seconds} is out of range\n    60 to {_LONGEST_S} (a week)")
    config = load(arguments.file).config
    made = credentials(config, arguments.user, SystemClock().wall().timestamp(), arguments.seconds)
    if made is None:
        raise UsageError(
            f"{arguments.file} has no turn.shared_secret\n    accounts (turn.accounts) need no credentials; for "
            "browsers add shared_secret: !secret turn-rest"
        )
    expires = datetime.fromtimestamp(made.expires_s, UTC)
    if arguments.json:
        print_json({"ice_servers": [made.ice_server()], "expires": expires})
        return ExitCode.GOOD
    print(f"username    {made.username}")
    print(f"credential  {made.credential}")
    print(f"until       {expires.isoformat().replace('+00:00', 'Z')}")
    for url in made.urls:
        print(f"url         {url}")
    return ExitCode.GOOD


VERB = Verb("turn", "make time-limited credentials for the TURN server", _add_arguments, _run)
