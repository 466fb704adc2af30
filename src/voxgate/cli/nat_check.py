"""`voxgate nat-check`: which NAT this machine is behind, and whether TURN will be needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from voxgate.cli.output import print_json
from voxgate.cli.verb import Verb, add_json_argument
from voxgate.errors import ExitCode, UsageError
from voxgate.nat.client import examine, servers
from voxgate.nat.verdict import Kind, Verdict, judge

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from voxgate.nat.discovery import Findings
    from voxgate.wire.stun import Endpoint

STUN_PORT = 3478
_SERVER = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]{1,253}))(?::(?P<port>\d{1,5}))?")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="STUN server on the other side of the NAT, another edge for instance; one with a second address tells "
        "most. Given twice: the second one helps where the first has no second address.",
    )
    add_json_argument(parser)


def _run(arguments: Namespace) -> int:
    """0 when the server answered over every family it has and we can send in, 1 when it did not."""
    if not 1 <= len(arguments.server) <= 2:
        raise UsageError(
            "name a STUN server beyond the NAT: voxgate nat-check --server stun.example.net\n"
            "    another edge with `turn:` is one, and SIP providers have one as a rule"
        )
    given = [_parsed(text) for text in arguments.server]
    second = {one.address.version: one for one in (servers(*given[1]) if len(given) > 1 else ())}
    results = []
    for server in servers(*given[0]):
        findings = examine(server, second.get(server.address.version))
        results.append((server, findings, judge(findings)))
    if arguments.json:
        print_json({"results": [_data(*result) for result in results]})
    else:
        print("\n\n".join(_text(*result) for result in results))
    return ExitCode.GOOD if all(findings.answered for _, findings, _ in results) else ExitCode.FAILED


def _parsed(text: str) -> tuple[str, int]:
    bare = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    found = _SERVER.fullmatch(bare)
    port = int(found["port"] or STUN_PORT) if found else 0
    if found is None or not 0 < port <= 65535:
        raise UsageError(f"`{text}` is no server\n    write HOST, HOST:PORT or [ADDRESS]:PORT")
    return found["six"] or found["host"], port


def _data(server: Endpoint, findings: Findings, verdict: Verdict) -> dict[str, object]:
    return {
        "server": str(server),
        "local": str(findings.local) if findings.local else None,
        "public": str(findings.mapped) if findings.mapped else None,
        "nat": verdict.kind,
        "mapping": findings.mapping,
        "filtering": findings.filtering,
        "turn_needed": verdict.turn,
        "works_without_turn_with": {peer.value: works for peer, works in verdict.works_with.items()},
        "server_can_tell_all": findings.complete,
    }


def _text(server: Endpoint, findings: Findings, verdict: Verdict) -> str:
    if not findings.answered:
        return f"{server} over UDP: {verdict.words}"
    rows = [
        f"{server} over UDP sees {findings.local} as {findings.mapped}",
        f"  NAT        {verdict.kind.value}",
        f"  mapping    {findings.mapping.value}",
        f"  filtering  {findings.filtering.value}",
        f"  {verdict.words}.",
    ]
    if verdict.works_with:
        rows.append("  Directly, without TURN, with the other end behind:")
        rows += [
            f"    {_peer(peer):16} {'works' if works else 'does not work'}"
            for peer, works in verdict.works_with.items()
        ]
    rows.append("  Calls through a Voxgate edge need no TURN as long as UDP passes: the edge relays media by itself.")
    return "\n".join(rows)


def _peer(kind: Kind) -> str:
    return "no NAT" if kind is Kind.OPEN else kind.value


VERB = Verb("nat-check", "tell which NAT this machine is behind, and whether TURN will be needed", _add_arguments, _run)
