"""What the engines tell of themselves -> families. Pure. What an engine of another version leaves out is left out."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from voxgate.admin.metrics.exposition import Family, Labels, counter, gauge

if TYPE_CHECKING:
    from collections.abc import Mapping

_REQUEST: Final = re.compile(r"core\.rcv_requests_([a-z]+)")
_REPLY: Final = re.compile(r"core\.rcv_replies_([1-6]xx)")
_SENT: Final = re.compile(r"sl\.([1-6]xx)_replies")

#: Kamailio's name -> (ours, what it is, whether it only grows).
_KAMAILIO: Final = {
    "core.bad_msg_hdr": ("kamailio_bad_messages_total", "SIP messages with a header that cannot be read.", True),
    "core.bad_URIs_rcvd": ("kamailio_bad_uris_total", "Requests with a URI that cannot be read.", True),
    "core.drop_requests": ("kamailio_dropped_requests_total", "Requests that were dropped.", True),
    "core.drop_replies": ("kamailio_dropped_replies_total", "Replies that were dropped.", True),
    "core.fwd_requests": ("kamailio_forwarded_requests_total", "Requests that were passed on.", True),
    "core.err_requests": ("kamailio_request_errors_total", "Requests that could not be handled.", True),
    "shmem.used_size": ("kamailio_shared_memory_used_bytes", "Shared memory in use.", False),
    "shmem.total_size": ("kamailio_shared_memory_bytes", "Shared memory altogether.", False),
    "shmem.fragments": ("kamailio_shared_memory_fragments", "Pieces of free shared memory.", False),
    "tmx.active_transactions": ("kamailio_active_transactions", "SIP transactions that are open.", False),
    "tmx.inuse_transactions": ("kamailio_transactions_in_memory", "SIP transactions that hold memory.", False),
    "tcp.current_opened_connections": ("kamailio_tcp_connections", "TCP and TLS connections that are open.", False),
    "tcp.connect_failed": ("kamailio_tcp_connect_failures_total", "TCP connections that did not succeed.", True),
}

#: rtpengine's path -> (ours, what it is, whether it only grows).
_RTPENGINE: Final = {
    "currentstatistics.sessionstotal": ("rtpengine_sessions", "Calls whose media is relayed.", False),
    "currentstatistics.transcodedmedia": ("rtpengine_transcoded_media", "Media streams that are transcoded.", False),
    "totalstatistics.managedsessions": ("rtpengine_sessions_total", "Calls whose media was relayed.", True),
    "totalstatistics.rejectedsessions": ("rtpengine_rejected_sessions_total", "Calls that were refused.", True),
    "totalstatistics.timeoutsessions": ("rtpengine_timeout_sessions_total", "Calls whose media stopped.", True),
    "totalstatistics.silenttimeoutsessions": (
        *("rtpengine_silent_timeout_sessions_total", "Calls on hold whose media stopped."),
        True,
    ),
    "totalstatistics.relayedpackets": ("rtpengine_relayed_packets_total", "Media packets that were relayed.", True),
    "totalstatistics.relayedbytes": ("rtpengine_relayed_bytes_total", "Media bytes that were relayed.", True),
    "totalstatistics.relayedpacketerrors": ("rtpengine_packet_errors_total", "Media packets with an error.", True),
    "totalstatistics.onewaystreams": ("rtpengine_one_way_streams_total", "Streams with media one way only.", True),
    "totalstatistics.zerowaystreams": ("rtpengine_silent_streams_total", "Streams without any media.", True),
}

#: Column of HAProxy's table -> (ours, what it is, whether it only grows).
_HAPROXY: Final = {
    "scur": ("sessions", "Sessions that are open.", False),
    "stot": ("sessions_total", "Sessions altogether.", True),
    "bin": ("received_bytes_total", "Bytes from clients.", True),
    "bout": ("sent_bytes_total", "Bytes to clients.", True),
    "req_tot": ("requests_total", "HTTP requests.", True),
    "dreq": ("denied_requests_total", "Requests that were refused by a rule.", True),
    "ereq": ("bad_requests_total", "Requests that cannot be read.", True),
    "econ": ("connect_errors_total", "Connections to servers that did not succeed.", True),
}
_CODES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")


def kamailio(stats: Mapping[str, Any]) -> list[Family]:
    """The answer to `stats.fetch all`."""
    values = {name: number for name, value in stats.items() if (number := _number(value)) is not None}
    return [
        counter(
            "kamailio_received_requests_total",
            "SIP requests, by method.",
            *_matching(values, _REQUEST, "method", str.upper),
        ),
        counter("kamailio_received_replies_total", "SIP replies, by class.", *_matching(values, _REPLY, "code")),
        counter("kamailio_sent_replies_total", "SIP replies of the edge's own.", *_matching(values, _SENT, "code")),
        *_simple(values, _KAMAILIO),
    ]


def rtpengine(answer: Mapping[str, Any]) -> list[Family]:
    """The answer to `statistics`."""
    found = answer.get("statistics")
    groups = found if isinstance(found, dict) else {}
    values: dict[str, float] = {}
    for group in ("currentstatistics", "totalstatistics"):
        inner = groups.get(group)
        for name, value in inner.items() if isinstance(inner, dict) else ():
            if (number := _number(value)) is not None:
                values[f"{group}.{name}"] = number
    return _simple(values, _RTPENGINE)


def haproxy(table: str) -> list[Family]:
    """The answer to `show stat`: front ends and back ends, not their single servers."""
    rows = [
        ((("proxy", row["# pxname"]), ("side", row["svname"].lower())), row)
        for row in csv.DictReader(StringIO(table))
        if row.get("svname") in {"FRONTEND", "BACKEND"}
    ]
    found = []
    for column, (name, sentence, grows) in _HAPROXY.items():
        samples = [(key, number) for key, row in rows if (number := _number(row.get(column))) is not None]
        found.append((counter if grows else gauge)(f"haproxy_{name}", sentence, *samples))
    answers: list[tuple[Labels, float]] = [
        ((*key, ("code", code)), number)
        for key, row in rows
        for code in _CODES
        if (number := _number(row.get(f"hrsp_{code}"))) is not None
    ]
    return [*found, counter("haproxy_responses_total", "HTTP answers, by class.", *answers)]


def nftables(listing: str) -> list[Family]:
    """The answer to `nft -j list chain` for the chain in which packets of banned requesters end."""
    try:
        rules = json.loads(listing)["nftables"]
        counters = [
            one["counter"] for rule in rules if "rule" in rule for one in rule["rule"]["expr"] if "counter" in one
        ]
        packets, size = (sum(int(one[key]) for one in counters) for key in ("packets", "bytes"))
    except (ValueError, KeyError, TypeError):
        return []
    return [
        counter("nftables_banned_packets_total", "Packets of banned requesters that were dropped.", ((), packets)),
        counter("nftables_banned_bytes_total", "The same in bytes.", ((), size)),
    ]


def _simple(values: Mapping[str, float], table: Mapping[str, tuple[str, str, bool]]) -> list[Family]:
    return [
        (counter if grows else gauge)(name, sentence, ((), values[key]))
        for key, (name, sentence, grows) in table.items()
        if key in values
    ]


def _matching(
    values: Mapping[str, float], pattern: re.Pattern[str], label: str, form: Any = str
) -> list[tuple[Labels, float]]:
    found = ((pattern.fullmatch(name), value) for name, value in values.items())
    return [(((label, form(match[1])),), value) for match, value in found if match is not None]


def _number(value: object) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) and value else None
    except ValueError:
        return None
