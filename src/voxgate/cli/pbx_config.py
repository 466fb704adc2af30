"""`voxgate pbx-config NAME --for SYSTEM`: what the PBX has to be told, with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.cli.output import print_json
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.companion.settings import SYSTEMS, advice
from voxgate.config.load import load
from voxgate.config.network import resolve
from voxgate.errors import ConfigError, ExitCode, UsageError
from voxgate.host.facts import read_facts

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the PBX's short name in the configuration")
    parser.add_argument("--for", dest="system", choices=SYSTEMS, required=True, help="which system it is")
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE, help=f"the configuration; default: {DEFAULT_FILE}")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    loaded = load(arguments.file)
    if arguments.name not in loaded.config.pbxs:
        raise UsageError(f"there is no PBX {arguments.name}\n    there are: {', '.join(loaded.config.pbxs)}")
    try:
        network = resolve(loaded.config, read_facts())
    except ConfigError as error:
        raise loaded.place(error) from None
    found = advice(arguments.system, arguments.name, loaded.config, network)
    if arguments.json:
        print_json(found)
    else:
        print(found)
    return ExitCode.GOOD


VERB = Verb("pbx-config", "print what a PBX behind the edge has to be told", _add_arguments, _run)
