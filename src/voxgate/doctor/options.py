"""The question that SIP equipment answers, whoever asks: OPTIONS (RFC 3261 section 11). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_STATUS: Final = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: |\r|$)")
#: Compact form of Supported (RFC 3261 section 20.37).
_SUPPORTED: Final = re.compile(r"(?im)^(?:supported|k)[ \t]*:[ \t]*([^\r\n]{0,500})")


@dataclass(frozen=True, slots=True)
class Reply:
    """Its code, and the extensions that whoever answers says it knows."""

    code: int
    supported: frozenset[str]


def request(domain: str, local: str, port: int, token: str, transport: str = "UDP") -> bytes:
    """One OPTIONS to `domain` from our address, written as any phone would: with it in Via and Contact."""
    host = f"[{local}]" if ":" in local else local
    lines = (
        f"OPTIONS sip:{domain} SIP/2.0",
        f"Via: SIP/2.0/{transport} {host}:{port};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        f"From: <sip:doctor@{domain}>;tag={token[:8]}",
        f"To: <sip:{domain}>",
        f"Call-ID: {token}@{host}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:doctor@{host}:{port}>",
        "User-Agent: voxgate doctor",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def reply_of(data: bytes, token: str) -> Reply | None:
    """The final answer to that request; None for everything else."""
    text = data.decode("utf-8", "replace")
    status = _STATUS.match(text)
    if status is None or token not in text or status[1].startswith("1"):
        return None
    words = (word.strip().lower() for line in _SUPPORTED.findall(text) for word in line.split(","))
    return Reply(int(status[1]), frozenset(word for word in words if word))
