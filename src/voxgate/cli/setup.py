"""`voxgate setup`: where the first configuration can be made with a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.admin.invitation import KEPT, invitation_of
from voxgate.cli.asking import control_socket, waits
from voxgate.cli.output import print_json
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, HostError
from voxgate.host import files

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    """Raises HostError: nobody waits, or this user may not know."""
    if not waits(arguments):
        if control_socket(arguments).exists():
            raise HostError("Voxgate has its configuration", "its web page is at the address of admin.listen")
        raise HostError(
            "no Voxgate waits for a configuration here", "start it: systemctl start voxgate, or voxgate run"
        )
    found = invitation_of(files.read(arguments.run_dir / KEPT))
    if found is None:
        raise HostError("the running Voxgate is of another version", "restart it")
    if arguments.json:
        print_json(found.to_json())
    else:
        print(found)
    return ExitCode.GOOD


VERB = Verb("setup", "tell where to make the first configuration with a browser", _add_arguments, _run)
