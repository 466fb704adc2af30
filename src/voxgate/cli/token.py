"""`voxgate token`: which programs may ask the API."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from voxgate.admin import tokens
from voxgate.admin.access import AccessFile, Token, require_name
from voxgate.admin.audit import Audit
from voxgate.admin.roles import Role
from voxgate.cli.admin_folder import admin_folder, who
from voxgate.cli.output import print_json
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, UsageError
from voxgate.host.clock import SystemClock

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_ID = re.compile(r"[0-9a-f]{12}")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(token=_list)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    add = actions.add_parser("add", help="make a token; it is told this once")
    add.add_argument("name", help="what it is for, for instance prometheus")
    add.add_argument("--role", choices=[role.value for role in Role], default=Role.READ_ONLY.value)
    add.add_argument("--days", type=int, help="it is good for so many days; default: until it is removed")
    add.set_defaults(token=_add)
    remove = actions.add_parser("remove", help="take a token back, at once")
    remove.add_argument("id", help="its id, or its name where one alone has it")
    remove.set_defaults(token=_remove)
    shown = actions.add_parser("list", help="list the tokens, without what makes them work")
    for one in (parser, add, remove, shown):
        add_json_argument(one)


def _run(arguments: Namespace) -> int:
    code: int = arguments.token(arguments)
    return code


def _list(arguments: Namespace) -> int:
    found = [one.data() for one in AccessFile(admin_folder(arguments)).now().tokens]
    if arguments.json:
        print_json({"tokens": found})
        return ExitCode.GOOD
    for one in found:
        print(f"{one['id']}  {one['role']:<9}  {one['until'] or 'for good':<20}  {one['name']}")
    if not found:
        print("no tokens")
    return ExitCode.GOOD


def _add(arguments: Namespace) -> int:
    if arguments.days is not None and not 1 <= arguments.days <= tokens.LONGEST_DAYS:
        raise UsageError(f"--days {arguments.days} is out of range\n    1 to {tokens.LONGEST_DAYS}")
    now_s = SystemClock().wall().timestamp()
    token, made = Token.new(require_name(arguments.name), Role(arguments.role), arguments.days, now_s, os.urandom)
    folder = admin_folder(arguments)
    AccessFile(folder).change(lambda access: (access.with_token(made), None))
    Audit(folder, SystemClock()).write(who(), "token.add", made.name, detail=f"{made.id} {made.role}")
    if arguments.json:
        print_json({"id": made.id, "token": token})
    else:
        print(token)
    return ExitCode.GOOD


def _remove(arguments: Namespace) -> int:
    folder = admin_folder(arguments)
    access = AccessFile(folder)
    named = [one.id for one in access.now().tokens if arguments.id in {one.id, one.name}]
    if len(named) > 1 and not _ID.fullmatch(arguments.id):
        raise UsageError(f"{len(named)} tokens are called {arguments.id}\n    give the id: {', '.join(named)}")
    gone = named[0] if named else arguments.id
    access.change(lambda kept: (kept.without_token(gone), None))
    Audit(folder, SystemClock()).write(who(), "token.remove", gone)
    if arguments.json:
        print_json({"removed": gone})
    else:
        print(f"{gone} is removed")
    return ExitCode.GOOD


VERB = Verb("token", "list, make and remove tokens for the API", _add_arguments, _run)
