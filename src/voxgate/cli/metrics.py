"""`voxgate metrics`: the edge and its engines as Prometheus reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.cli.asking import ask_and_tell
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.wire.admin_request import MetricsRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    return ask_and_tell(arguments, MetricsRequest())


VERB = Verb("metrics", "print counters of the edge and its engines", _add_arguments, _run)
