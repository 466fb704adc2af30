"""How every verb that needs the running Voxgate asks it and says what came back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from voxgate.admin.invitation import KEPT
from voxgate.cli.output import print_json
from voxgate.errors import ExitCode, HostError, PeerError, UsageError
from voxgate.wire.control import NotRunningError, Request, ask

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path


def control_socket(arguments: Namespace) -> Path:
    """Where the running Voxgate listens."""
    run_dir: Path = arguments.run_dir
    return run_dir / "control.sock"


def ask_and_tell(arguments: Namespace, request: Request) -> int:
    """Ask, print what is being done to stderr and the result to stdout. Raises as `wire.control.ask`."""
    try:
        result = ask(control_socket(arguments), request, lambda text: print(f"  {text}", file=sys.stderr))
    except NotRunningError:
        if waits(arguments):
            raise HostError("Voxgate waits for its first configuration", "make it: voxgate setup tells where") from None
        raise
    return tell(result, as_json=arguments.json)


def waits(arguments: Namespace) -> bool:
    """Whether a Voxgate has no configuration yet, and asks for one."""
    run_dir: Path = arguments.run_dir
    return (run_dir / KEPT).exists()


def tell(result: dict[str, object], *, as_json: bool) -> int:
    """Print a result (`supervise.control.Told`) and return its exit code."""
    match result:
        case {"data": dict() as data, "text": str() as text, "exit_code": 0 | 1 | 2 as code}:
            if as_json:
                print_json(data)
            else:
                print(text)
            return ExitCode(code)
    raise PeerError("the running Voxgate is of another version: restart it")


def given_file(arguments: Namespace) -> Path | None:
    """The FILE argument, absolute, because the running Voxgate stands in another folder; None when left out."""
    file: Path | None = arguments.file
    if file is None:
        return None
    if not file.is_file():
        raise UsageError(f"{file} is not there\n    `voxgate init` writes a first one")
    return file.absolute()
