"""`voxgate firewall`: every port to open, with its purpose, in the words of several packet filters; opens them too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from voxgate.cli.asking import given_file
from voxgate.cli.output import print_json, print_table
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.daemon import standing
from voxgate.engines.base import Places
from voxgate.errors import ExitCode, UsageError
from voxgate.firewall import firewalld, nftables, ufw, words
from voxgate.firewall.installer import Firewalld, Nftables
from voxgate.firewall.openings import openings

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from voxgate.firewall.opening import Opening
    from voxgate.plan.desired import Desired

_PRINTERS: Final = {"nftables": nftables.printed, "firewalld": firewalld.printed, "ufw": ufw.printed}
_INSTALLERS: Final = {"nftables": Nftables, "firewalld": Firewalld}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: what was applied last")
    parser.add_argument(
        "--format",
        choices=("table", "plain", *_PRINTERS),
        default="table",
        help="plain: a list for the administrator of another firewall",
    )
    parser.add_argument("--pbx", metavar="NAME", help="only what this PBX needs")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--apply", choices=tuple(_INSTALLERS), help="open the ports on this machine, all else as it is")
    doing.add_argument("--remove", choices=tuple(_INSTALLERS), help="take what --apply did out again")
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    """0, or 1 where a packet filter refuses."""
    if arguments.remove:
        closed = _INSTALLERS[arguments.remove]().close()
        return _tell(arguments, closed, f"Voxgate's rules are gone from {', '.join(closed)}", "there were none")
    places = Places(run=arguments.run_dir, state=arguments.state_dir)
    desired = standing(given_file(arguments), places, DEFAULT_FILE)
    listed = openings(desired)
    if arguments.apply:
        opened = _INSTALLERS[arguments.apply]().open(listed)
        done = f"open for what Voxgate needs: {', '.join(opened)}{_KEEP.get(arguments.apply, '')}"
        return _tell(arguments, opened, done, "nothing filters packets on this machine: every port is open")
    return _print(arguments, desired, _chosen(listed, arguments.pbx, desired))


_KEEP: Final = {
    "nftables": "\nThe kernel forgets it with its other rules: write `voxgate firewall --format nftables` into a file, "
    "and name it at the end of /etc/nftables.conf: include FILE",
}


def _chosen(listed: tuple[Opening, ...], pbx: str | None, desired: Desired) -> tuple[Opening, ...]:
    if pbx is None:
        return listed
    if pbx not in desired.config.pbxs:
        raise UsageError(f"there is no PBX {pbx}\n    there are: {', '.join(desired.config.pbxs)}")
    return tuple(one for one in listed if one.pbx == pbx)


def _print(arguments: Namespace, desired: Desired, listed: tuple[Opening, ...]) -> int:
    if arguments.json:
        print_json({"generation": desired.generation, "openings": [one.to_json() for one in listed]})
    elif arguments.format == "table":
        print_table(words.HEAD, words.rows(listed))
    elif arguments.format == "plain":
        print(words.letter(desired.config.edge.domain, listed), end="")
    else:
        print(_PRINTERS[arguments.format](listed), end="")
    return ExitCode.GOOD


def _tell(arguments: Namespace, places: tuple[str, ...], done: str, nothing: str) -> int:
    if arguments.json:
        print_json({"places": list(places)})
    else:
        print(done if places else nothing)
    return ExitCode.GOOD


VERB = Verb("firewall", "list every port to open, and open them when asked", _add_arguments, _run)
