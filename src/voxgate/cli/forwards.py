"""`voxgate forwards`: the port forwards that run, and what passed through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxgate.cli.asking import control_socket
from voxgate.cli.output import print_json, print_table
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, PeerError
from voxgate.wire.control import StatusRequest, ask

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_HEAD = ("PBX", "port", "to", "for", "source seen by the PBX", "connections", "packets", "octets", "note")


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    match ask(control_socket(arguments), StatusRequest(), lambda _: None):
        case {"data": {"forwards": list(listed)}}:
            pass
        case _:
            raise PeerError("the running Voxgate is of another version: restart it")
    if arguments.json:
        print_json({"forwards": listed})
    elif not listed:
        print("no port is forwarded")
    else:
        print_table(_HEAD, [_row(one) for one in listed])
    return ExitCode.GOOD


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    first, last, to = one["first_port"], one["last_port"], one["to_port"]
    host = f"[{one['target']}]" if ":" in one["target"] else one["target"]
    return (
        one["pbx"],
        f"{one['proto']} {first}" + (f"-{last}" if last != first else ""),
        f"{host}:{to}" + (f"-{to + last - first}" if last != first else ""),
        "anybody" if one["open"] else ", ".join(one["allow_from"]) or "nobody",
        "the client's" if one["keep_source"] else "the edge's",
        *(str(one[key]) for key in ("connections", "packets", "octets")),
        one["note"],
    )


VERB = Verb("forwards", "list the port forwards, and what passed through them", _add_arguments, _run)
