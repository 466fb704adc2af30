"""What a verb of the command line is, and the arguments that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

DEFAULT_FILE = Path("/etc/voxgate/voxgate.yaml")


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: `run` gets the parsed arguments and returns the exit code, or raises `VoxgateError`.

    The namespace holds, beside the verb's own arguments, `state_dir` and `run_dir` (`Path`).
    """

    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


def add_file_argument(parser: ArgumentParser) -> None:
    """`file`, the configuration, as a `Path`."""
    parser.add_argument(
        "file", nargs="?", type=Path, default=DEFAULT_FILE, help=f"the configuration; default: {DEFAULT_FILE}"
    )


def add_json_argument(parser: ArgumentParser) -> None:
    """`json`, a flag: print for programs."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
