"""`voxgate backup`: all that makes this edge this edge, in one file."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.admin.audit import Audit
from voxgate.backup import Manifest, Scope, make
from voxgate.cli.admin_folder import admin_folder, who
from voxgate.cli.output import console, print_json
from voxgate.cli.verb import DEFAULT_FILE, Verb, add_json_argument
from voxgate.errors import ExitCode
from voxgate.host import files
from voxgate.host.clock import SystemClock

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("backup", type=Path, metavar="FILE", help="the new file; it will hold keys and passwords")
    add_config_argument(parser)
    add_json_argument(parser)


def add_config_argument(parser: ArgumentParser) -> None:
    """`config`, the configuration, as a `Path`; the name FILE is the backup's."""
    words = f"the configuration; default: {DEFAULT_FILE}"
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=words)


def scope_of(arguments: Namespace) -> Scope:
    """The edge that is meant. Raises HostError for who may not look there."""
    admin_folder(arguments)
    state: Path = arguments.state_dir
    return Scope(arguments.config.absolute(), state.absolute())


def audited(arguments: Namespace, action: str) -> None:
    """Write down that somebody had all secrets in his hands."""
    folder = admin_folder(arguments)
    files.ensure_folder(folder, mode=0o700)
    Audit(folder, SystemClock()).write(who(), action, str(arguments.backup))


def told(manifest: Manifest) -> dict[str, object]:
    """What both verbs say about a backup, for programs."""
    shown = {key: value for key, value in asdict(manifest).items() if key != "files"}
    return {**shown, "files": len(manifest.files), "bytes_unpacked": manifest.size_bytes}


def _run(arguments: Namespace) -> int:
    target: Path = arguments.backup.absolute()
    made = make(scope_of(arguments), target, SystemClock().wall(), metadata.version("voxgate"))
    audited(arguments, "backup")
    for warning in made.warnings:
        console(error=True).print(f"warning: {warning}")
    if arguments.json:
        print_json({"file": made.file, "bytes": made.bytes, "warnings": made.warnings, **told(made.manifest)})
    else:
        generation = made.manifest.generation
        which = f"generation {generation}" if generation is not None else "no generation was applied yet"
        print(f"{made.file}: {len(made.manifest.files)} files, {_size(made.bytes)}, {which}; read again, good")
        print("It holds private keys and passwords: keep it where only you can read it, on another machine.")
    return ExitCode.GOOD


def _size(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB" if size >= 1 << 20 else f"{size / 1024:.0f} KiB"


VERB = Verb(
    "backup", "keep configuration, secrets, certificates, history and records in one file", _add_arguments, _run
)
