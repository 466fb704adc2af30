"""`voxgate config`: look at and change any key of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.things import add_file, add_how, change, pair, show
from voxgate.cli.verb import Verb
from voxgate.config.save import parse_key
from voxgate.wire.admin_request import Change

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    get = actions.add_parser("get", help="print what stands at a key of the file")
    get.add_argument("key", nargs="?", default="", help="for instance media.ports; default: everything")
    add_file(get)
    get.set_defaults(action=_get)
    put = actions.add_parser("set", help="set keys and make them effective")
    put.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help="for instance media.srtp=required")
    add_how(put)
    put.set_defaults(action=_set)
    gone = actions.add_parser("remove", help="take keys out and make that effective")
    gone.add_argument("keys", nargs="+", metavar="KEY")
    add_how(gone)
    gone.set_defaults(action=_remove)


def _get(arguments: Namespace) -> int:
    return show(arguments, parse_key(arguments.key) if arguments.key else ())


def _set(arguments: Namespace) -> int:
    return change(arguments, [Change(key, value) for key, value in map(pair, arguments.pairs)])


def _remove(arguments: Namespace) -> int:
    return change(arguments, [Change(parse_key(key), remove=True) for key in arguments.keys])


VERB = Verb("config", "look at and change keys of the configuration", _add_arguments, lambda a: int(a.action(a)))
