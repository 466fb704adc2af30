"""`voxgate user`: who may log in to the web page."""

from __future__ import annotations

import getpass
import os
import sys
from typing import TYPE_CHECKING

from voxgate.admin import passwords
from voxgate.admin.access import AccessFile, User, offered_setup, require_name
from voxgate.admin.audit import Audit
from voxgate.admin.roles import Role
from voxgate.cli.admin_folder import admin_folder, who
from voxgate.cli.output import print_json
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, UsageError
from voxgate.host.clock import SystemClock

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_ROLES = (Role.ADMIN, Role.OPERATOR, Role.READ_ONLY)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(user=_list)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    add = actions.add_parser("set", help="add a user, or change password and role; asks for the password")
    add.add_argument("name")
    add.add_argument("--role", choices=[role.value for role in _ROLES], default=Role.ADMIN.value)
    add.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add.set_defaults(user=_set)
    remove = actions.add_parser("remove", help="remove a user; his sessions end")
    remove.add_argument("name")
    remove.set_defaults(user=_remove)
    first = actions.add_parser("set-up", help="print a one-time token with which the first administrator is made")
    first.set_defaults(user=_set_up)
    shown = actions.add_parser("list", help="list the users")
    for one in (parser, add, remove, first, shown):
        add_json_argument(one)


def _run(arguments: Namespace) -> int:
    code: int = arguments.user(arguments)
    return code


def _list(arguments: Namespace) -> int:
    users = AccessFile(admin_folder(arguments)).now().users
    if arguments.json:
        print_json({"users": [{"name": one.name, "role": one.role.value} for one in users]})
        return ExitCode.GOOD
    for one in users:
        print(f"{one.role:<9}  {one.name}")
    if not users:
        print("no users")
    return ExitCode.GOOD


def _set(arguments: Namespace) -> int:
    name, role = require_name(arguments.name), Role(arguments.role)
    password = _password(from_stdin=arguments.password_stdin)
    passwords.require_good(password, name)
    changed = SystemClock().wall().timestamp()
    user = User(name=name, role=role, password=passwords.hashed(password, os.urandom), changed=changed)
    folder = admin_folder(arguments)
    AccessFile(folder).change(lambda access: (access.with_user(user), None))
    return _done(arguments, "user.set", f"{name} is {role}")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(passwords.LONGEST + 2).rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise UsageError("the passwords differ\n    nothing was changed")
    return password


def _remove(arguments: Namespace) -> int:
    AccessFile(admin_folder(arguments)).change(lambda access: (access.without_user(arguments.name), None))
    return _done(arguments, "user.remove", f"{arguments.name} is removed")


def _set_up(arguments: Namespace) -> int:
    now_s = SystemClock().wall().timestamp()
    token = AccessFile(admin_folder(arguments)).change(lambda access: offered_setup(access, now_s, os.urandom))
    if not token:
        raise UsageError("there is an administrator already\n    see `voxgate user list`")
    if arguments.json:
        print_json({"token": token})
    else:
        print(token)
    return ExitCode.GOOD


def _done(arguments: Namespace, action: str, words: str) -> int:
    Audit(admin_folder(arguments), SystemClock()).write(who(), action, arguments.name, detail=words)
    if arguments.json:
        print_json({"user": arguments.name})
    else:
        print(words)
    return ExitCode.GOOD


VERB = Verb("user", "list, add and remove those who log in to the web page", _add_arguments, _run)
