"""`voxgate check FILE`: every mistake at once, with file, line, key and advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.output import print_json, print_problem
from voxgate.cli.verb import Verb, add_file_argument, add_json_argument
from voxgate.config.crosscheck import ports_of
from voxgate.config.load import Loaded, load
from voxgate.config.network import cautions, resolve
from voxgate.errors import ConfigError, ExitCode
from voxgate.host.facts import read_facts

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from voxgate.errors import Problem


def _add_arguments(parser: ArgumentParser) -> None:
    add_file_argument(parser)
    add_json_argument(parser)
    parser.add_argument(
        "--file-only",
        action="store_true",
        help="do not compare it with this machine's interfaces (which leads to warnings, never to a failure)",
    )


def _run(arguments: Namespace) -> int:
    """0 when the file is good, 2 when it is not. What does not fit this machine is a warning here: the file may be
    for another one; `plan` and `apply` refuse it."""
    try:
        loaded = load(arguments.file)
    except ConfigError as error:
        _show(arguments.json, error.problems, (), "")
        return ExitCode.USAGE
    warnings = loaded.warnings if arguments.file_only else (*loaded.warnings, *_machine(loaded))
    _show(arguments.json, (), warnings, f"{arguments.file}: good: {summary(loaded)}")
    return ExitCode.GOOD


def _machine(loaded: Loaded) -> tuple[Problem, ...]:
    try:
        found = cautions(resolve(loaded.config, read_facts()))
    except ConfigError as error:
        found = error.problems
    return loaded.places.put(found)


def _show(as_json: bool, problems: tuple[Problem, ...], warnings: tuple[Problem, ...], good: str) -> None:
    if as_json:
        print_json({"good": not problems, "problems": problems, "warnings": warnings})
        return
    for problem in problems:
        print_problem(problem, style="red")
    for warning in warnings:
        print_problem(warning, "warning: ", "yellow")
    if good:
        print(good)


def summary(loaded: Loaded) -> str:
    """What a configuration holds, in one line."""
    config = loaded.config
    names = sum(len(pbx.names) for pbx in config.pbxs.values())
    nodes = sum(len(pbx.nodes) for pbx in config.pbxs.values())
    listeners = ", ".join(f"{transport} {port}" for transport, port in ports_of(config.listen.sip))
    counts = (_count(len(config.pbxs), "PBX"), _count(names, "service name"), _count(nodes, "node"))
    return f"{', '.join(counts)}; SIP on {listeners}; media on {config.media.ports}"


def _count(number: int, word: str) -> str:
    ending = "" if number == 1 else "s"
    return f"{number} {word}{ending}"


VERB = Verb("check", "name every mistake in a configuration", _add_arguments, _run)
