"""What `voxgate pbx`, `trunk` and `config` share: KEY=VALUE, and how a change is asked for."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import TaggedScalar
from ruamel.yaml.error import YAMLError

from voxgate.cli.asking import control_socket, tell
from voxgate.cli.output import print_json
from voxgate.cli.verb import DEFAULT_FILE, add_json_argument
from voxgate.config.load import read_sources
from voxgate.config.places import dotted
from voxgate.config.raw import SECRET, missing, plain, tree, value_at
from voxgate.config.save import parse_key
from voxgate.errors import ExitCode, UsageError
from voxgate.wire.admin_request import Change, EditRequest
from voxgate.wire.control import ask

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from voxgate.config.places import Path as KeyPath

_SECRET_TAG = "!secret"  # noqa: S105  a tag's name


def add_how(parser: ArgumentParser) -> None:
    """The flags of every change."""
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    parser.add_argument("--yes", action="store_true", help="also what the plan marks as dangerous")
    add_json_argument(parser)


def add_file(parser: ArgumentParser) -> None:
    """The file that is looked at."""
    parser.add_argument("--file", type=Path, default=DEFAULT_FILE, help=f"the configuration; default: {DEFAULT_FILE}")
    add_json_argument(parser)


def pair(word: str) -> tuple[KeyPath, Any]:
    """`sip.udp=5070`, `names=[a.example, b.example]`, `password=!secret carrier`. Raises UsageError."""
    key, equals, text = word.partition("=")
    if not equals:
        raise UsageError(f"`{word}` is not KEY=VALUE\n    for instance balance=weight, or nodes=[172.16.0.10]")
    return parse_key(key), value_of(text)


def value_of(text: str) -> Any:
    """A value as it would stand in the file. Raises UsageError."""
    try:
        return _plain(YAML(typ="rt").load(StringIO(text)))
    except YAMLError:
        raise UsageError(f"`{text}` is not a value\n    put it in quotes as in the file: names='[a.example]'") from None


def _plain(value: Any) -> Any:
    match value:
        case TaggedScalar() if value.tag.value == _SECRET_TAG:
            return {SECRET: str(value.value)}
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case _:
            # ruamel's own kinds of numbers and texts are kinds of Python's.
            return next((kind(value) for kind in (bool, int, float) if isinstance(value, kind)), _text(value))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def change(arguments: Namespace, changes: Iterable[Change], *, at: KeyPath = (), match: str | None = None) -> int:
    """Have the running Voxgate make them; prints what came of it."""
    request = EditRequest(tuple(changes), match, at, arguments.dry_run, arguments.yes)
    result = ask(control_socket(arguments), request, lambda text: print(f"  {text}", file=sys.stderr))
    return tell(result, as_json=arguments.json)


def show(arguments: Namespace, key: KeyPath) -> int:
    """Print what stands at `key` in the file. Raises UsageError when nothing does."""
    value = value_at(plain(tree(read_sources(arguments.file))), key)
    if missing(value):
        raise UsageError(f"there is no {dotted(key)} in {arguments.file}")
    if arguments.json:
        print_json(value)
    else:
        YAML().dump(value, sys.stdout)
    return ExitCode.GOOD
