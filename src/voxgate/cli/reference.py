"""`voxgate reference`: print a reference page, made from what it describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from voxgate.cli import manual, parser
from voxgate.cli.verb import Verb
from voxgate.config.schema import reference
from voxgate.errors import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable


def command_line() -> str:
    """Every verb."""
    return manual.command_line(parser([]))


def api() -> str:
    """Every request of the API."""
    # Here, so that the list of all verbs does not wait for the web framework.
    from voxgate.admin.app import build  # noqa: PLC0415
    from voxgate.admin.manual import requests  # noqa: PLC0415

    nobody = cast("Any", None)  # the application is described, not run
    return requests(build(nobody, nobody).openapi())


PAGES: Final[dict[str, Callable[[], str]]] = {"configuration": reference, "cli": command_line, "api": api}


def _add_arguments(parser: ArgumentParser) -> None:
    words = "configuration (every key; the default), cli (every verb), api (every request)"
    parser.add_argument("page", nargs="?", choices=tuple(PAGES), default="configuration", help=words)


def _run(arguments: Namespace) -> int:
    print(PAGES[arguments.page](), end="")
    return ExitCode.GOOD


VERB = Verb("reference", "print a reference page: configuration, cli or api", _add_arguments, _run)
