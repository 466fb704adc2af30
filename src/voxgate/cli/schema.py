"""`voxgate schema`: print the JSON Schema of the configuration, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.verb import Verb
from voxgate.config.schema import json_schema
from voxgate.errors import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    """There are none."""


def _run(arguments: Namespace) -> int:
    print(json_schema(), end="")
    return ExitCode.GOOD


VERB = Verb("schema", "print the JSON Schema of the configuration, for editors", _add_arguments, _run)
