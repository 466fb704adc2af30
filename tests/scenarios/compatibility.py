"""The table of what is tried together: client, PBX, NAT and media. What is left out says why.

    python -m tests.scenarios.compatibility > docs/compatibility.md

A column is added by data: take its rule out of `LEFT_OUT`, and teach `test_compatibility.caller` to make such a phone.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.scenarios.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLIENTS: Final = ("udp", "tcp", "tls", "ws", "wss")
PBXS: Final = ("udp", "tcp", "tls")
NATS: Final = MappingProxyType({"none": "provider", "restricted": "phone-home", "symmetric": "phone-hotel"})
"""NAT before the phone to the lab's host that stands behind such a one."""
MEDIA: Final = ("rtp", "sdes", "dtls")


class Row(NamedTuple):
    """One combination: transports of phone and PBX, NAT before the phone, media of the phone."""

    client: str
    pbx: str
    nat: str
    media: str

    def __str__(self) -> str:
        return "-".join(self)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of these clients and these media are left out, for this reason."""

    clients: tuple[str, ...]
    media: tuple[str, ...]
    reason: str


LEFT_OUT: Final = (
    Rule(("ws", "wss"), ("rtp", "sdes"), "impossible: browsers take DTLS-SRTP only (RFC 8827 section 6.5)"),
    Rule(("udp", "tcp"), ("sdes", "dtls"), "not here: what is said in clear protects no keys; see docs/media.md"),
)
"""The first rule that fits counts."""


def reason(row: Row) -> str:
    """Why a row is left out; the empty string when it is tried."""
    return next((rule.reason for rule in LEFT_OUT if row.client in rule.clients and row.media in rule.media), "")


SIGNALLING: Final = (
    "REGISTER",
    "MESSAGE",
    "busy lamp (SUBSCRIBE, NOTIFY)",
    "message waiting (MWI)",
    "only addresses of its own side",
)
"""The features without audio: over WebSocket, Chromium makes the calls (`tests/scenarios/test_browser.py`)."""


def features_of(row: Row) -> tuple[str, ...]:
    """The features that are tried in a row, in their order."""
    return SIGNALLING if row.client in ("ws", "wss") else tuple(FEATURES)


ROWS: Final = tuple(Row(*values) for values in product(CLIENTS, PBXS, NATS, MEDIA))
TRIED: Final = tuple(row for row in ROWS if not reason(row))
Results = dict[tuple[Row, str], bool]
"""Row and feature to whether it held."""


def lines(results: Mapping[tuple[Row, str], bool]) -> Iterable[str]:
    """The outcome as a table for people: a line for each way of calling, then what is left out."""
    tried = sorted({row for row, _ in results}, key=ROWS.index)
    heads = [f"{pbx}/{nat}" for pbx in PBXS for nat in NATS]
    yield f"{'phone':<12}" + "".join(f"{head:>16}" for head in heads)
    for client, media in product(CLIENTS, MEDIA):
        cells = []
        for pbx, nat in product(PBXS, NATS):
            row = Row(client, pbx, nat, media)
            held = [ok for (one, _), ok in results.items() if one == row]
            cells.append(f"{sum(held)}/{len(features_of(row))}" if row in tried else "-" if reason(row) else "not run")
        yield f"{client + '/' + media:<12}" + "".join(f"{cell:>16}" for cell in cells)
    yield "each cell: how many features held, of how many; columns: transport of the PBX/NAT before the phone"
    for text, count in Counter(reason(row) for row in ROWS if reason(row)).items():
        yield f"left out: {count:>3} rows: {text}"
    for (row, feature), fine in results.items():
        if not fine:
            yield f"FAILED    {row}: {feature}"


def page() -> str:
    """docs/compatibility.md."""
    text = [
        "# What works with what",
        "",
        "Phones over every transport, behind every kind of NAT, with PBXs over every transport. `make test` tries each",
        "row below with real packets and prints the outcome. This page is made from that table.",
        "",
        "| feature | what is tried |",
        "|---|---|",
        *(f"| {name} | {ABOUT[name]} |" for name in FEATURES),
        "",
        "| phone | media | NAT before the phone | PBX | |",
        "|---|---|---|---|---|",
    ]
    for client, media in product(CLIENTS, MEDIA):
        why = reason(Row(client, PBXS[0], "none", media))
        nats = ", ".join(NATS)
        count = len(features_of(Row(client, PBXS[0], "none", media)))
        tried = "tried" if count == len(FEATURES) else f"tried: the {count} features without audio; calls by Chromium"
        text.append(f"| {client.upper()} | {media.upper()} | {nats} | {', '.join(PBXS).upper()} | {why or tried} |")
    text += ["", f"{len(TRIED)} rows are tried, {len(ROWS) - len(TRIED)} left out.", "", *NOTES]
    return "\n".join(text) + "\n"


ABOUT: Final = MappingProxyType(
    {
        "REGISTER": "with Path towards the PBX",
        "call out": "phone to PBX, both hear each other, audio comes from the edge alone",
        "call in": "PBX to phone along its Path",
        "hold and resume (re-INVITE)": "nothing is heard meanwhile, and again afterwards",
        "transfer (REFER)": "REFER inside the call, NOTIFY of its outcome",
        "CANCEL": "a ringing call is withdrawn on both sides",
        "session timer (UPDATE)": "UPDATE from either side (RFC 4028)",
        "PRACK (100rel)": "reliable 183 with early media",
        "early media": "the PBX is heard before it answers",
        "DTMF (RFC 4733)": "keys arrive as they were pressed",
        "fax (T.38 re-INVITE)": "the call turns to T.38, packets go both ways",
        "MESSAGE": "both ways, outside of calls",
        "busy lamp (SUBSCRIBE, NOTIFY)": "subscription to `dialog`, its NOTIFY and its end",
        "message waiting (MWI)": "subscribed and unsolicited",
        "only addresses of its own side": "in no message of all these an address of another side",
    }
)
NOTES: Final = (
    "Phones in the office LAN, IPv6 and a second interface are tried with calls of every kind, but without this whole",
    "list of features.",
    "",
    "On Debian 13 (rtpengine 12.5), a phone with DTLS-SRTP and without ICE has no audio behind a symmetric NAT, nor",
    "behind another that changes the ports of its audio; see [media](media.md#dtls-srtp-behind-nat-on-debian-13).",
)


if __name__ == "__main__":
    sys.stdout.write(page())
