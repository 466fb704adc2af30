"""`python -m bench [NAME]`: one benchmark, or all of them. Exit code 1 when one is above its limit."""

from __future__ import annotations

import argparse
import importlib
import sys

from bench.cpu import awake

NAMES = ("sip_calls", "apply_time", "http", "ldap", "h323", "guard", "web_page")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="bench", description="answers one question by measurement")
    parser.add_argument("name", nargs="?", choices=NAMES)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each variant, at least 3 for a verdict")
    options = parser.parse_args()
    names = [options.name] if options.name else NAMES
    with awake():
        return max(int(importlib.import_module(f"bench.{name}").main(options.rounds)) for name in names)


if __name__ == "__main__":
    sys.exit(main())
