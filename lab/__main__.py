"""``python -m lab``: build a network and look around in it, show what the edge does, remove what dead runs left."""

from __future__ import annotations

import argparse
import signal
import sys

from rich.console import Console
from rich.table import Table

from lab import namespaces
from lab.demo.run import demo
from lab.net import Net
from lab.procs import LabError
from lab.sites import SITES
from lab.topologies import TOPOLOGIES
from lab.topology import WIRES, Host

NETWORKS = {**TOPOLOGIES, **{site.topology.name: site.topology for site in SITES.values()}}


def main(argv: list[str] | None = None) -> int:
    """Exit code 0, or 1 with the reason on stderr; 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="build a network and keep it until Ctrl-C")
    up.add_argument("topology", choices=sorted(NETWORKS))
    verbs.add_parser("clean", help="remove namespaces whose owner is dead")
    show = verbs.add_parser("demo", help="real phones call through the edge; each claim is proven")
    show.add_argument("--json", action="store_true", help="print the results as JSON, progress on stderr")
    show.add_argument("--keep", action="store_true", help="keep the folder with the logs, /tmp/vg-...")
    args = parser.parse_args(argv)
    try:
        match args.verb:
            case "up":
                return _up(args.topology)
            case "demo":
                return demo(as_json=args.json, keep=args.keep)
            case _:
                return _clean()
    except LabError as exc:
        sys.stderr.write(f"lab: {exc}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("lab: interrupted; everything is removed\n")
        return 130


def _up(name: str) -> int:
    console = Console()
    try:
        with Net(NETWORKS[name]) as net:
            console.print(table(net))
            console.print(f"Enter a host:   ip netns exec {net.namespace('edge')} bash")
            segments = ", ".join(net.topology.segments)
            capture = f"ip netns exec {net.namespace(WIRES)} tcpdump -ni SEGMENT"
            console.print(f"See all packets: {capture}  ({segments})")
            console.print("Ctrl-C removes it.")
            signal.pause()
    except KeyboardInterrupt:
        console.print("removed")
    return 0


def table(net: Net) -> Table:
    """Hosts by segment, with addresses and next hops."""
    shown = Table(title=f"{net.topology.name}: {net.topology.summary}", title_justify="left")
    for heading in ("host", "port", "segment", "addresses", "next hop", "note"):
        shown.add_column(heading, overflow="fold")
    for segment in net.topology.segments:
        for host in net.topology.hosts:
            if host.interfaces[0].segment == segment:
                _rows(shown, host)
        shown.add_section()
    return shown


def _rows(shown: Table, host: Host) -> None:
    hops = "\n".join(route.via for route in host.routes if route.to == "default")
    for number, interface in enumerate(host.interfaces):
        first = number == 0
        shown.add_row(
            host.name if first else "",
            interface.name,
            interface.segment,
            "\n".join(interface.addresses),
            hops if first else "",
            host.note if first else "",
        )


def _clean() -> int:
    removed = namespaces.clean()
    Console().print(f"removed: {', '.join(removed)}" if removed else "nothing to remove")
    return 0


if __name__ == "__main__":
    sys.exit(main())
