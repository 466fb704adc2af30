"""What the guard's verbs share: an address as an argument, a time, how the guard is asked."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Final

from voxgate.cli.asking import ask_and_tell
from voxgate.wire.guard_request import GuardAction, GuardRequest

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_UNITS: Final = {"m": 1, "h": 60, "d": 1440}


def add_network(parser: ArgumentParser) -> None:
    """`network`: an address, or a network in prefix notation."""
    parser.add_argument("network", metavar="ADDRESS", help="an address, or a network: 203.0.113.9, 2001:db8::/64")


def add_note(parser: ArgumentParser) -> None:
    """`note`, kept with the entry."""
    parser.add_argument("--note", default="", help="why, for whoever reads the list later")


def add_time(parser: ArgumentParser) -> None:
    """`minutes`, None: for good."""
    parser.add_argument(
        "--for", dest="minutes", type=minutes, default=None, metavar="TIME", help="30m, 12h, 7d; default: for good"
    )


def minutes(text: str) -> int:
    """A time in minutes. Raises ArgumentTypeError."""
    found = re.fullmatch(r"([1-9]\d{0,6})([mhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 30m, 12h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def ask_guard(arguments: Namespace, action: GuardAction, network: str = "", *, note: str = "") -> int:
    """Ask the running guard about one network and tell what it says."""
    return ask_and_tell(arguments, GuardRequest(action, network, note=note))
