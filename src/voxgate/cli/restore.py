"""`voxgate restore`: a backup back in its place, on this machine or on another one."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.backup import Manifest, Restored, inspect, restore
from voxgate.cli.backup import add_config_argument, audited, scope_of, told
from voxgate.cli.output import print_json, print_problem
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, HostError
from voxgate.host import files
from voxgate.host.clock import SystemClock
from voxgate.supervise.control import open_control_socket
from voxgate.wire.control import NotRunningError, StatusRequest, ask

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("backup", type=Path, metavar="FILE", help="what `voxgate backup` wrote")
    add_config_argument(parser)
    parser.add_argument("--check", action="store_true", help="read all of it and change nothing")
    parser.add_argument(
        "--outside",
        action="store_true",
        help="also write files that the configuration names in other folders, where there are none",
    )
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    version = metadata.version("voxgate")
    if arguments.check:
        return _tell_checked(arguments, inspect(arguments.backup, version))
    scope = scope_of(arguments)
    with _alone(arguments.run_dir):
        done = restore(scope, arguments.backup, SystemClock().wall(), version, outside=arguments.outside)
        audited(arguments, "restore")
    return _tell(arguments, done)


@contextmanager
def _alone(run_dir: Path) -> Iterator[None]:
    """Nobody runs this edge, and nobody starts it meanwhile. Raises HostError."""
    files.ensure_folder(run_dir, mode=0o755)
    path = run_dir / "control.sock"
    try:
        held = open_control_socket(path)
    except HostError as error:
        with suppress(NotRunningError):
            ask(path, StatusRequest(), lambda _: None)
            advice = "stop it first: systemctl stop voxgate; calls end with it. `--check` only reads the backup"
            raise HostError("Voxgate runs: its files cannot be exchanged under it", advice) from error
        raise
    with held:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _tell_checked(arguments: Namespace, manifest: Manifest) -> int:
    if arguments.json:
        print_json({"file": arguments.backup, "restored": False, **told(manifest)})
    else:
        print(f"{arguments.backup}: {_words(manifest)}; good, nothing was changed")
    return ExitCode.GOOD


def _tell(arguments: Namespace, done: Restored) -> int:
    for problem in done.problems:
        print_problem(problem, label="warning: ")
    if arguments.json:
        lists = {"aside": done.aside, "written": done.written, "missing": done.missing, "problems": done.problems}
        print_json({"file": arguments.backup, "restored": True, **lists, **told(done.manifest)})
        return ExitCode.GOOD
    print(f"restored: {_words(done.manifest)}")
    for aside in done.aside:
        print(f"  what was there before is in {aside}; it holds keys: remove it when all is well")
    for path in done.written:
        print(f"  written: {path}")
    for path in done.missing:
        print(f"  missing: {path}, which the configuration names; it is in the backup: put it there, or use --outside")
    fit = "mend the configuration (see above)" if done.problems else "start the edge: systemctl start voxgate"
    print(f"Next: {fit}")
    return ExitCode.GOOD


def _words(manifest: Manifest) -> str:
    made = manifest.made.strftime("%Y-%m-%dT%H:%M:%SZ")
    which = f", generation {manifest.generation}" if manifest.generation is not None else ""
    return f"{len(manifest.files)} files of {made}, Voxgate {manifest.voxgate}{which}"


VERB = Verb("restore", "put a backup in its place; what is there is kept aside", _add_arguments, _run)
