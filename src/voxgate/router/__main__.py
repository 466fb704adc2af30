"""`python3 -m voxgate.router`: one router process; `engines/router.py` gives the arguments."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

from voxgate.router.driver.process import Router, Settings
from voxgate.router.driver.reaching import TlsWays


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="voxgate.router")
    for name in ("rules", "control", "reports", "tls", "tls-verified", "start-tls"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--front", action="append", required=True, metavar="PROTOCOL=PATH")
    given = parser.parse_args()
    # As the control plane reads engines' lines.
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    fronts = {protocol: Path(path) for protocol, _, path in (front.partition("=") for front in given.front)}
    ways = TlsWays(given.tls, given.tls_verified, given.start_tls)
    router = Router(Settings(given.rules, given.control, given.reports, fronts, ways))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: router.stop())
    _wait_one_s_turn()
    router.run()


def _wait_one_s_turn() -> None:
    """HAProxy, which wakes us, is not interrupted by it: it hands over all that it has, and we are woken up once."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


main()
