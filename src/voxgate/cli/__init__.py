"""The command `voxgate`: one file per verb; parse, call, print, exit code.

    verb.py        what a verb is
    output.py      tables, problems, JSON
    check.py       voxgate check      names every mistake in a configuration
    init.py        voxgate init       writes a first configuration
    setup.py       voxgate setup      tells where a browser makes it
    wizard.py      its questions, on a terminal
    asking.py      how a verb asks the running Voxgate
    plan.py        voxgate plan       shows what apply would do
    apply.py       voxgate apply      makes the configuration effective
    rollback.py    voxgate rollback   goes back to an earlier generation
    history.py     voxgate history    lists the generations
    status.py      voxgate status     shows how everything is
    registrations.py  voxgate registrations  shows who is registered through the edge
    calls.py       voxgate calls      lists the running calls
    cdr.py         voxgate cdr        lists the calls of the past
    trace.py       voxgate trace      shows the SIP of a call
    explain.py     voxgate explain    says why a call went wrong
    certs.py       voxgate certs      shows the certificates, renews, verifies, imports
    bans.py        voxgate bans       lists who is shut out, and who never is
    ban.py         voxgate ban        shuts somebody out
    unban.py       voxgate unban      lets somebody in again
    allow.py       voxgate allow      never bans somebody
    why.py         voxgate why        shows the evidence
    guarding.py    what these five share
    run.py         voxgate run        runs the edge in the foreground
    pbx.py         voxgate pbx        lists, adds, changes and removes PBXs
    trunk.py       voxgate trunk      the same for trunks and their numbers
    config.py      voxgate config     looks at and changes any key
    things.py  thing_verb.py  what these three share
    logs.py        voxgate logs       shows the newest lines of the log
    metrics.py     voxgate metrics    prints counters of the edge and its engines
    token.py       voxgate token      makes and removes tokens for the API
    user.py        voxgate user       adds and removes those who log in to the web page
    admin_folder.py  what these two share
    turn.py        voxgate turn credentials  makes time-limited credentials for TURN
    nat_check.py   voxgate nat-check  tells which NAT this machine is behind
    firewall.py    voxgate firewall   lists the ports to open, and opens them
    doctor.py      voxgate doctor     tells what is wrong, why it matters and the cure
    pbx_config.py  voxgate pbx-config  prints what a PBX behind the edge has to be told
    forwards.py    voxgate forwards   lists the port forwards, and what passed through them
    backup.py      voxgate backup     keeps all that makes this edge in one file
    restore.py     voxgate restore    puts a backup in its place
    dns.py         voxgate dns        prints the records that the names should have, checks them
    schema.py      voxgate schema     prints the JSON Schema for editors
    reference.py   voxgate reference  prints the reference pages
    manual.py      the one of the command line

A verb's module is imported only when the verb is called: `voxgate check` does not wait for the supervisor's imports.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.errors import VoxgateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxgate.cli.verb import Verb

#: Verb -> the module that holds it as `VERB`, in the order of `voxgate --help`.
VERBS: dict[str, str] = {
    "init": "voxgate.cli.init",
    "check": "voxgate.cli.check",
    "run": "voxgate.cli.run",
    "plan": "voxgate.cli.plan",
    "apply": "voxgate.cli.apply",
    "rollback": "voxgate.cli.rollback",
    "history": "voxgate.cli.history",
    "status": "voxgate.cli.status",
    "registrations": "voxgate.cli.registrations",
    "calls": "voxgate.cli.calls",
    "cdr": "voxgate.cli.cdr",
    "trace": "voxgate.cli.trace",
    "explain": "voxgate.cli.explain",
    "certs": "voxgate.cli.certs",
    "bans": "voxgate.cli.bans",
    "ban": "voxgate.cli.ban",
    "unban": "voxgate.cli.unban",
    "allow": "voxgate.cli.allow",
    "why": "voxgate.cli.why",
    "pbx": "voxgate.cli.pbx",
    "trunk": "voxgate.cli.trunk",
    "config": "voxgate.cli.config",
    "logs": "voxgate.cli.logs",
    "metrics": "voxgate.cli.metrics",
    "token": "voxgate.cli.token",
    "user": "voxgate.cli.user",
    "turn": "voxgate.cli.turn",
    "nat-check": "voxgate.cli.nat_check",
    "firewall": "voxgate.cli.firewall",
    "forwards": "voxgate.cli.forwards",
    "doctor": "voxgate.cli.doctor",
    "setup": "voxgate.cli.setup",
    "pbx-config": "voxgate.cli.pbx_config",
    "dns": "voxgate.cli.dns",
    "backup": "voxgate.cli.backup",
    "restore": "voxgate.cli.restore",
    "schema": "voxgate.cli.schema",
    "reference": "voxgate.cli.reference",
}

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_PIPE_CLOSED = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code; usage errors end in `SystemExit(2)` as argparse does."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = parser(words).parse_args(words)
    verb: Verb = arguments.verb
    try:
        code = verb.run(arguments)
        sys.stdout.flush()
    except VoxgateError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # `voxgate schema | head`; the interpreter's last flush must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return code


def parser(words: list[str]) -> argparse.ArgumentParser:
    """The parser with the verbs that `words` may call; with all of them when a list must be shown."""
    made = argparse.ArgumentParser(prog="voxgate", description="One front door for phone systems.")
    made.add_argument("--version", action="version", version=f"voxgate {metadata.version('voxgate')}")
    _add_folders(made, defaults=True)
    verbs = made.add_subparsers(title="verbs", metavar="VERB", required=True)
    called = [name for name in VERBS if name in words] or list(VERBS)
    for name in called:
        verb: Verb = import_module(VERBS[name]).VERB
        own = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        _add_folders(own, defaults=False)
        verb.add_arguments(own)
        own.set_defaults(verb=verb)
    return made


def _add_folders(parser: argparse.ArgumentParser, *, defaults: bool) -> None:
    """The two folders, before or after the verb; what stands after it counts."""
    for option, variable, default in (
        ("--state-dir", "VOXGATE_STATE_DIR", "/var/lib/voxgate"),
        ("--run-dir", "VOXGATE_RUN_DIR", "/run/voxgate"),
    ):
        value = Path(os.environ.get(variable) or default) if defaults else argparse.SUPPRESS
        words = f"default: ${variable} or {default}"
        parser.add_argument(option, type=Path, default=value, metavar="DIR", help=words)
