"""The guard: what counts as suspicious and how much, who is shut out for how long, and who never is."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from voxgate.config.fields import Networks, Section, as_list
from voxgate.config.scalars import Kind, ScalarError

Weight = Annotated[int, Field(ge=0, le=10_000, strict=True), Kind("weight, 0..10000")]
FeedName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"), Kind("short name")]


def _source(text: str) -> str:
    if not text.isascii() or not text.isprintable() or not (text.startswith("/") or _is_url(text)):
        raise ScalarError(
            f"`{text}` is no source of a list",
            "write a URL, https://lists.example.com/bad.txt, or an absolute path, /etc/voxgate/bad.txt",
        )
    return text


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _agent(text: str) -> str:
    if not 3 <= len(text) <= 64 or not text.isprintable():
        raise ScalarError("part of a User-Agent is needed here", "3 to 64 printable characters, for instance sipscan")
    return text.lower()


Source = Annotated[str, AfterValidator(_source), Kind("URL or absolute path")]
Agent = Annotated[str, AfterValidator(_agent), Kind("part of a User-Agent")]
Agents = Annotated[tuple[Agent, ...], BeforeValidator(as_list, json_schema_input_type=Agent | tuple[Agent, ...])]


class Weights(Section):
    """How many suspicious requests one of its kind counts for; 0: it is kept as evidence and counts nothing."""

    unknown_name: Weight = Field(default=1, description="A domain, host or gatekeeper that no PBX has.")
    not_allowed: Weight = Field(
        default=1, description="A URL, method or transport that is not let through, or an attempt to relay."
    )
    network_not_allowed: Weight = Field(default=1, description="A network that may not use the service.")
    malformed: Weight = Field(default=1, description="What no honest client sends.")
    bad_tls: Weight = Field(default=1, description="A TLS handshake that failed by the client's fault.")
    old_tls: Weight = Field(
        default=0,
        description="A client that has no version or cipher of TLS that the edge takes. Old phones do that for ever, "
        "each few seconds.",
    )
    connect_failed: Weight = Field(
        default=0,
        description="A PBX that could not be reached. It says more about the PBX than about who asked: with a weight, "
        "everybody is shut out whose PBX starts anew.",
    )
    auth_failure: Weight = Field(
        default=1, description="Credentials that were refused. A first challenge and a stale nonce are none."
    )
    scanner: Weight = Field(default=1000, description="A User-Agent of a scanner.")
    injection: Weight = Field(default=1000, description="A user name that is meant for a database or a shell.")
    too_fast: Weight = Field(default=1, description="More requests than its share; counted once a second.")


class Repeat(Section):
    """Repeat offenders are shut out longer each time."""

    factor: int = Field(
        default=1,
        strict=True,
        ge=1,
        le=100,
        description="Each further ban of a requester within 30 days lasts so many times as long; 1: always as long.",
    )
    longest_minutes: int = Field(
        default=10_080, strict=True, ge=1, le=525_600, description="However often: no longer than this."
    )


class Feed(Section):
    """A list of bad addresses that others keep: one address or network a line, `#` and `;` begin comments."""

    source: Source = Field(description="Where it is fetched from (HTTP, HTTPS), or the file in which it lies.")
    refresh_minutes: int = Field(
        default=60, strict=True, ge=1, le=10_080, description="How often it is read again; the last good one holds."
    )


class SipHygiene(Section):
    """SIP requests that are dropped without an answer, whoever asks; PBXs and trunks are never looked at."""

    requests_per_second: int = Field(
        default=100,
        strict=True,
        ge=0,
        le=100_000,
        description="SIP requests per second from one source address, after a burst of ten seconds' worth; what is "
        "above is dropped. Phones behind one NAT share an address. 0: no limit.",
    )
    scanners: bool = Field(
        default=True, strict=True, description="Drop requests whose User-Agent is that of a known scanner."
    )
    scanner_agents: Agents = Field(default=(), description="Further parts of User-Agents that are dropped.")
    injections: bool = Field(
        default=True, strict=True, description="Drop requests with a user name that is meant for a database or a shell."
    )


class Guard(Section):
    """Who tries to break in through any protocol is shut out of all of them, with evidence (`voxgate why ADDRESS`)."""

    enabled: bool = Field(default=True, strict=True, description="Count suspicious requests and ban.")
    suspicious_per_minute: int = Field(
        default=20,
        strict=True,
        ge=1,
        le=100_000,
        description="A requester with more suspicious requests than this within a minute, over all protocols "
        "together, is banned.",
    )
    blacklist_minutes: int = Field(default=60, strict=True, ge=1, le=525_600, description="How long a ban lasts.")
    repeat: Repeat = Field(default=Repeat(), description="Longer bans for repeat offenders.")
    whitelist: Networks = Field(
        default=(), description="Networks that are never banned, beside PBXs, trunks and the edge itself."
    )
    protect_registered: bool = Field(
        default=True,
        strict=True,
        description="An address from which phones are registered gets an alert in `voxgate status` instead of a ban: "
        "an office with one misconfigured phone keeps its telephony.",
    )
    ipv4_prefix: int = Field(
        default=32, strict=True, ge=8, le=32, description="IPv4 addresses that share this prefix are one requester."
    )
    ipv6_prefix: int = Field(
        default=64, strict=True, ge=16, le=128, description="IPv6 addresses that share this prefix are one requester."
    )
    firewall: bool = Field(
        default=True,
        strict=True,
        description="Enforce bans in the kernel (nftables, a table of its own), for every port of this machine. "
        "Where that is not allowed, the engines enforce them alone, and `voxgate status` says so.",
    )
    weights: Weights = Field(default=Weights(), description="How much each kind of suspicious request counts.")
    sip: SipHygiene = Field(default=SipHygiene(), description="SIP requests that are dropped at once.")
    feeds: dict[FeedName, Feed] = Field(default={}, description="Lists of bad addresses, each under a short name.")
