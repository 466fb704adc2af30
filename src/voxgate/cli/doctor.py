"""`voxgate doctor`: what is wrong with this edge, why it matters, and the exact cure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.cli.asking import control_socket, given_file
from voxgate.cli.output import print_json
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.config.scalars import ScalarError, parse_address
from voxgate.daemon import standing
from voxgate.doctor.asking_edge import server_of, told_by, wishes_of
from voxgate.doctor.finding import Finding, Grade
from voxgate.doctor.gathering import Wishes, gather
from voxgate.doctor.outside import CONTROL_PORT, SIP_PORT
from voxgate.doctor.responder import Responder
from voxgate.doctor.rules import findings
from voxgate.engines.base import Places
from voxgate.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from voxgate.config.doctor import Doctor


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: what was applied last")
    parser.add_argument(
        "--from",
        dest="responders",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="another machine, outside, where `voxgate doctor --respond` runs: it tries the ports from there",
    )
    parser.add_argument("--stun", metavar="HOST[:PORT]", help="STUN server that tells our public address")
    parser.add_argument(
        "--resolver", action="append", default=[], metavar="ADDRESS", help="name server that sees the public DNS"
    )
    parser.add_argument("--respond", action="store_true", help="be such a machine for another edge, for some time")
    parser.add_argument("--port", type=int, default=CONTROL_PORT, help=f"with --respond; default: {CONTROL_PORT}")
    parser.add_argument("--sip-port", type=int, default=SIP_PORT, help=f"with --respond; default: {SIP_PORT}")
    parser.add_argument("--seconds", type=int, default=3600, help="with --respond: how long; default: 3600")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    """0 when nothing but notes is found, 1 otherwise."""
    if arguments.respond:
        return _respond(arguments)
    places = Places(run=arguments.run_dir, state=arguments.state_dir)
    desired = standing(given_file(arguments), places, DEFAULT_FILE)
    wishes = _wishes(arguments, desired.config.doctor)
    found = findings(gather(desired, told_by(control_socket(arguments)), wishes, places.state))
    bad = any(one.grade is not Grade.NOTE for one in found)
    if arguments.json:
        print_json({"good": not bad, "findings": [one.to_json() for one in found]})
    else:
        print(_text(found, outside=bool(wishes.responders)))
    return ExitCode.FAILED if bad else ExitCode.GOOD


def _text(found: tuple[Finding, ...], *, outside: bool) -> str:
    lines = []
    for one in found:
        lines += [f"{one.grade.value}: {one.what}", f"    why:  {one.why}", f"    cure: {one.cure}"]
    if not any(one.grade is not Grade.NOTE for one in found):
        lines.append("nothing is wrong as far as can be seen from here")
    if not outside:
        lines.append("Ports were tried from this machine alone. `voxgate doctor --respond` on a machine outside, and "
                     "--from HOST here, tries them from there.")  # fmt: skip
    return "\n".join(lines)


def _wishes(arguments: Namespace, doctor: Doctor) -> Wishes:
    try:
        resolvers = tuple(str(parse_address(text)) for text in arguments.resolver)
    except ScalarError as error:
        raise UsageError(f"--resolver: {error.message}\n    {error.advice}") from None
    stun = server_of(arguments.stun) if arguments.stun else None
    if arguments.stun and stun is None:
        raise UsageError(f"--stun {arguments.stun} is no server\n    write HOST, HOST:PORT or [ADDRESS]:PORT")
    # What is not given here is as the configuration says.
    given = wishes_of(doctor)
    return Wishes(tuple(arguments.responders) or given.responders, stun or given.stun, resolvers or given.resolvers)


def _respond(arguments: Namespace) -> int:
    if not 1 <= arguments.seconds <= 86_400:
        raise UsageError(f"--seconds {arguments.seconds} is out of range\n    1 to 86400 (a day)")
    print(
        f"answering on port {arguments.port} (TCP) and {arguments.sip_port} (UDP) for {arguments.seconds} s", flush=True
    )
    asyncio.run(Responder(arguments.port, arguments.sip_port).serve(arguments.seconds))
    return ExitCode.GOOD


VERB = Verb("doctor", "tell what is wrong with this edge, why it matters, and the cure", _add_arguments, _run)
