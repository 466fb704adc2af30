"""`voxgate init`: write a first, commented configuration that `voxgate check` accepts: from flags, or by asking."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.admin.starting import PROBES, STUN, find
from voxgate.cli.asking import waits
from voxgate.cli.verb import DEFAULT_FILE, Verb
from voxgate.cli.wizard import Terminal, interview
from voxgate.config.load import Source, default_secrets, load_sources
from voxgate.config.scalars import ScalarError, parse_pbx_name
from voxgate.config.starter import Starter, StarterPbx, starter_text
from voxgate.errors import ConfigError, ExitCode, HostError, UsageError
from voxgate.host.facts import read_facts

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_MODE = 0o640


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--domain", help="public name of the edge, for instance proxy.example.com; without it, you are asked"
    )
    parser.add_argument(
        "--pbx",
        action="append",
        default=[],
        metavar="NAME=ADDRESS",
        help="a PBX: a short name of your choice and its address; may be given several times",
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="[NAME=]SIPDOMAIN",
        help="SIP domain of the PBX; default: the edge's domain for one PBX, NAME.DOMAIN for several",
    )
    parser.add_argument("--interface", help="interface to listen on; default: that of the default route")
    parser.add_argument(
        "--public-address",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address of the NAT router in front; may be given twice (IPv4 and IPv6)",
    )
    parser.add_argument("--acme", action="store_true", help="certificates from Let's Encrypt")
    parser.add_argument("--email", default="", help="with --acme: where Let's Encrypt may write to")
    parser.add_argument("--stun", default=STUN, metavar="HOST:PORT", help=f"tells the public address; default: {STUN}")
    parser.add_argument("--find-public-address", action="store_true", help="ask the STUN server instead of giving it")
    parser.add_argument("--yes", action="store_true", help="never ask: flags and defaults alone")
    parser.add_argument("--output", type=Path, default=DEFAULT_FILE, help=f"default: {DEFAULT_FILE}")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def _run(arguments: Namespace) -> int:
    output: Path = arguments.output
    if output.exists() and not arguments.force:
        raise UsageError(f"{output} exists already\n    --force replaces it, --output writes elsewhere")
    asks = not (arguments.domain or arguments.pbx or arguments.yes) and sys.stdin.isatty()
    given = interview(Terminal(), read_facts(), PROBES, arguments.stun) if asks else starter(arguments)
    text = starter_text(given)
    try:
        load_sources((Source(str(output), text),), default_secrets(output), datetime.now(UTC))
    except ConfigError as error:
        mistakes = "\n".join(f"{found.key}: {found.message}\n    {found.advice}" for found in error.problems)
        raise UsageError(f"nothing is written:\n{mistakes}") from None
    _write(output, text, force=arguments.force)
    print(f"{output} is written. Next: voxgate check {output}")
    if waits(arguments):
        print("A running Voxgate waits for its configuration; it takes it by: systemctl restart voxgate")
    return ExitCode.GOOD


def starter(arguments: Namespace) -> Starter:
    """The flags as a value. Raises `UsageError` for a flag that is not understood, or that is missing."""
    if not arguments.domain or not arguments.pbx:
        raise UsageError("--domain and --pbx are needed\n    or run it on a terminal without flags: it asks")
    addresses = dict(_pair(word, "--pbx") for word in arguments.pbx)
    if len(addresses) < len(arguments.pbx):
        raise UsageError("--pbx names one PBX twice\n    add further nodes in the file")
    names: dict[str, str] = {}
    for word in arguments.name:
        if "=" not in word and len(addresses) > 1:
            raise UsageError(f"--name {word}: which PBX?\n    with several PBXs write --name NAME=SIPDOMAIN")
        pbx, name = _pair(word, "--name") if "=" in word else (next(iter(addresses)), word)
        if pbx not in addresses or pbx in names:
            raise UsageError(
                f"--name {word}: no --pbx of this name, or a second name\n    add further names in the file"
            )
        names[pbx] = name
    alone = len(addresses) == 1
    return Starter(
        domain=arguments.domain,
        pbxs=tuple(
            StarterPbx(pbx, address, names.get(pbx, arguments.domain if alone else f"{pbx}.{arguments.domain}"))
            for pbx, address in addresses.items()
        ),
        interface=arguments.interface,
        public_addresses=_public(arguments),
        acme=arguments.acme,
        acme_email=arguments.email,
    )


def _public(arguments: Namespace) -> tuple[str, ...]:
    if not arguments.find_public_address or arguments.public_address:
        return tuple(arguments.public_address)
    found = find(arguments.stun)
    if not found:
        raise UsageError(f"{arguments.stun} does not tell the public address\n    give it: --public-address ADDRESS")
    # Of this machine's own, or the router's.
    held = {str(one.ip.ip) for interface in read_facts().interfaces for one in interface.addresses}
    return () if found in held else (found,)


def _pair(word: str, option: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not value:
        raise UsageError(f"{option} {word}: a name, an equals sign and a value are needed\n    {option} hq=172.16.0.10")
    try:
        return parse_pbx_name(name), value
    except ScalarError as error:
        raise UsageError(f"{option} {word}: {error.message}\n    {error.advice}") from None


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write at once or not at all; without `force` never over a file that exists, even one made meanwhile."""
    part = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch(_MODE, exist_ok=False)
        try:
            part.write_text(text, encoding="utf-8")
            _move(part, path, force=force)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        advice = "check the folder and who may write there, or choose another with --output"
        raise HostError(f"{path} cannot be written: {error.strerror}", advice) from None


def _move(part: Path, path: Path, *, force: bool) -> None:
    if force:
        part.replace(path)
        return
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise UsageError(f"{path} exists already\n    --force replaces it, --output writes elsewhere") from None


VERB = Verb("init", "write a first configuration", _add_arguments, _run)
