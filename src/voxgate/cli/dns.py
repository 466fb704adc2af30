"""`voxgate dns`: which records the edge's names should have, outside and inside; and whether they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from voxgate.cli.output import print_json
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.config.load import load
from voxgate.config.network import resolve
from voxgate.config.scalars import ScalarError, parse_address, parse_hostname
from voxgate.errors import ConfigError, ExitCode, UsageError
from voxgate.host.facts import read_facts
from voxgate.names import formats
from voxgate.names.asking import look_up
from voxgate.names.comparing import Grade, asked, compare
from voxgate.names.planning import records, within
from voxgate.names.record import View

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from voxgate.config.model import Config
    from voxgate.names.record import Record

_PRINTERS: Final = {"zone": formats.zone, "hosts": formats.hosts, "dnsmasq": formats.dnsmasq}


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    plan = actions.add_parser("plan", help="print the records that should be there")
    plan.add_argument("--format", choices=tuple(_PRINTERS), default="zone")
    plan.set_defaults(dns=_plan)
    check = actions.add_parser("check", help="ask name servers for them, and say what to correct")
    check.add_argument("--server", action="append", default=[], metavar="ADDRESS", help="ask this name server")
    check.set_defaults(dns=_check)
    for one in (plan, check):
        one.add_argument("file", nargs="?", type=Path, default=DEFAULT_FILE, help=f"default: {DEFAULT_FILE}")
        views = tuple(view.value for view in View)
        one.add_argument("--view", choices=views, default=View.PUBLIC.value, help="for whom; default: public")
        one.add_argument("--zone", metavar="NAME", help="only what belongs into this zone")
        add_json_argument(one)


def _run(arguments: Namespace) -> int:
    code: int = arguments.dns(arguments)
    return code


def _plan(arguments: Namespace) -> int:
    _, listed = _planned(arguments)
    if arguments.json:
        print_json({"view": arguments.view, "records": [one.to_json() for one in listed]})
    else:
        print(_PRINTERS[arguments.format](listed), end="")
    return ExitCode.GOOD


def _check(arguments: Namespace) -> int:
    """0 when nothing but notes is found, 1 otherwise."""
    config, listed = _planned(arguments)
    findings = compare(listed, look_up(asked(listed), _servers(arguments, config)))
    bad = any(one.grade is not Grade.NOTE for one in findings)
    if arguments.json:
        print_json({"view": arguments.view, "good": not bad, "findings": [one.to_json() for one in findings]})
        return ExitCode.FAILED if bad else ExitCode.GOOD
    for one in findings:
        print(f"{one.grade.value}: {one.name} {one.kind} {one.what}\n    for: {one.why}\n    {one.cure}")
    if not bad:
        print(f"the {arguments.view} DNS leads to this edge")
    return ExitCode.FAILED if bad else ExitCode.GOOD


def _servers(arguments: Namespace, config: Config) -> tuple[str, ...]:
    """Those that were given; for the public view those that see the DNS as the internet does; this machine's."""
    try:
        given = tuple(str(parse_address(text)) for text in arguments.server)
    except ScalarError as error:
        raise UsageError(f"--server: {error.message}\n    {error.advice}") from None
    default = config.certificates.default
    if not given and arguments.view == View.PUBLIC.value and default and default.acme:
        return tuple(str(address) for address in default.acme.resolvers)
    return given


def _planned(arguments: Namespace) -> tuple[Config, tuple[Record, ...]]:
    loaded = load(arguments.file)
    try:
        network = resolve(loaded.config, read_facts())
    except ConfigError as error:
        raise loaded.place(error) from None
    listed = records(loaded.config, network, View(arguments.view))
    if not arguments.zone:
        return loaded.config, listed
    try:
        return loaded.config, within(listed, parse_hostname(arguments.zone))
    except ScalarError as error:
        raise UsageError(f"--zone: {error.message}\n    {error.advice}") from None


VERB = Verb("dns", "print the records that the edge's names should have, and check them", _add_arguments, _run)
