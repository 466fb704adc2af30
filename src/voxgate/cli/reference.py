"""`voxgate reference`: print the reference page of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.verb import Verb
from voxgate.config.schema import reference
from voxgate.errors import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    """There are none."""


def _run(arguments: Namespace) -> int:
    print(reference(), end="")
    return ExitCode.GOOD


VERB = Verb("reference", "print the reference page of the configuration", _add_arguments, _run)
