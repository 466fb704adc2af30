"""Reports as Kamailio's script sends them, for the tests of what is made of them."""

from __future__ import annotations

from typing import Any

from voxgate.calls.cdr.reports import Report, report_of

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)
ANSWER = OFFER.replace("8 0 101", "0 101").replace("10.0.0.50", "192.168.1.20")
T0 = 1_780_000_000.0
APART = "\x1e"


def hexed(text: str) -> str:
    """As Kamailio's `s.encode.hexa` writes it."""
    return text.encode().hex()


def begun(
    call_id: str = "c1",
    *,
    at: float = T0,
    way: tuple[str, str, str, str] = ("in", "hq", "", ""),
    refused: str = "",
    **changed: str,
) -> dict[str, Any]:
    """An INVITE of alice to 600."""
    values = {
        "call_id": hexed(call_id),
        "tag": hexed("t1"),
        "cseq": "1",
        "source": "203.0.113.77",
        "port": "5060",
        "proto": "udp",
        "on": "192.168.1.10",
        "from": hexed("sip:alice@example.com"),
        "name": hexed('"Alice"'),
        "dialled": hexed("sip:600@example.com"),
        "agent": hexed("Phone/1.0"),
        "offer": hexed(OFFER),
        "hop": "sip:192.168.1.20:5060;transport=udp",
        "sent": hexed("sip:600@example.com"),
    } | changed
    return {"parts": ["begun", f"{at}", "\n".join(values.values()), *way, refused]}


def answered(
    call_id: str = "c1",
    *,
    at: float = T0 + 5,
    chain: str = "<null>",
    note: str = "",
    outcomes: str = "<null>",
    progress: str = "<null>",
) -> dict[str, Any]:
    """Its 200."""
    head = [
        hexed(call_id),
        hexed("t1"),
        "1",
        "INVITE",
        "192.168.1.20",
        hexed("sip:600@example.com"),
        progress,
    ]
    parts = ("\n".join(head), hexed(chain), hexed(note) or "<null>", outcomes, hexed(ANSWER))
    return {"parts": ["answered", f"{at}", APART.join(parts)]}


def failed(
    call_id: str = "c1",
    code: int = 486,
    *,
    at: float = T0 + 5,
    how: str = "",
    cause: str = "",
    phrase: str = "Busy Here",
    progress: str = "<null>",
) -> dict[str, Any]:
    """Its refusal."""
    told = [hexed(cause) or "<null>", hexed(phrase) or "<null>", progress]
    head = [hexed(call_id), hexed("t1"), "1", "INVITE", "<null>", *told]
    parts = ("\n".join(head), "<null>", "<null>", "<null>")
    return {"parts": ["failed", f"{at}", APART.join(parts), str(code), how]}


def ended(
    call_id: str = "c1", *, at: float = T0 + 65, tags: tuple[str, str] = ("t1", "t2"), cause: str = ""
) -> dict[str, Any]:
    """Its BYE."""
    values = [hexed(call_id), *map(hexed, tags), "203.0.113.77", hexed(cause) or "<null>"]
    return {"parts": ["ended", f"{at}", "\n".join(values)]}


def report(event: dict[str, Any]) -> Report:
    """The value of one that is good."""
    found = report_of(event)
    assert found is not None
    return found
