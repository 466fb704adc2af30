"""`voxgate pbx` and `voxgate trunk`: two sections whose keys are names of the operator's choice, one set of actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.cli.output import print_json
from voxgate.cli.things import add_file, add_how, change, pair, show
from voxgate.cli.verb import Verb
from voxgate.config.load import read_sources
from voxgate.config.raw import plain, tree
from voxgate.config.scalars import ScalarError, parse_pbx_name
from voxgate.errors import ExitCode, UsageError
from voxgate.wire.admin_request import Change

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


@dataclass(frozen=True, slots=True)
class Things:
    """One such section: `noun` is the verb's name, `example` what `add` may be given."""

    section: str
    noun: str
    example: str

    def verb(self, words: str) -> Verb:
        """The verb of the command line."""
        return Verb(self.noun, words, self._add_arguments, lambda arguments: int(arguments.action(arguments)))

    def _add_arguments(self, parser: ArgumentParser) -> None:
        add_file(parser)
        parser.set_defaults(action=self._list)
        actions = parser.add_subparsers(title="actions", metavar="ACTION")
        listed = actions.add_parser("list", help="list them, as the file has them")
        add_file(listed)
        shown = actions.add_parser("show", help="print one as it is written")
        shown.add_argument("name")
        add_file(shown)
        shown.set_defaults(action=self._show)
        for name, words, action in (
            ("add", f"add one, for instance {self.example}", self._add),
            ("set", "change keys of one; KEY= takes a key out", self._set),
        ):
            one = actions.add_parser(name, help=words)
            one.add_argument("name")
            one.add_argument("pairs", nargs="+", metavar="KEY=VALUE", help=f"for instance {self.example}")
            add_how(one)
            one.set_defaults(action=action)
        gone = actions.add_parser("remove", help="remove one")
        gone.add_argument("name")
        add_how(gone)
        gone.set_defaults(action=self._remove)

    def _list(self, arguments: Namespace) -> int:
        found = plain(tree(read_sources(arguments.file))).get(self.section) or {}
        if arguments.json:
            print_json({self.section: found})
            return ExitCode.GOOD
        for name, value in found.items():
            keys = ("names", "nodes", "addresses", "server")
            told = [f"{key}: {value[key]}" for key in keys if isinstance(value, dict) and key in value]
            print(f"{name}  {'  '.join(told)}")
        if not found:
            print(f"no {self.section}")
        return ExitCode.GOOD

    def _show(self, arguments: Namespace) -> int:
        return show(arguments, (self.section, arguments.name))

    def _add(self, arguments: Namespace) -> int:
        at = (self.section, _name(arguments.name))
        made = [Change((*at, *key), value) for key, value in map(pair, arguments.pairs)]
        # An ETag of its own stands for what is not there.
        return change(arguments, made, at=at, match="none")

    def _set(self, arguments: Namespace) -> int:
        at = (self.section, _name(arguments.name))
        changes = []
        for word in arguments.pairs:
            key, value = pair(word)
            changes.append(Change((*at, *key), value, remove=word.endswith("=")))
        return change(arguments, changes)

    def _remove(self, arguments: Namespace) -> int:
        return change(arguments, [Change((self.section, _name(arguments.name)), remove=True)])


def _name(text: str) -> str:
    try:
        return parse_pbx_name(text)
    except ScalarError as error:
        raise UsageError(f"{error.message}\n    {error.advice}") from None
