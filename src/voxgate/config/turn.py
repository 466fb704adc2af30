"""STUN and TURN: the section `turn`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from voxgate.config.fields import Addresses, Networks, Port, Section, as_list
from voxgate.config.scalars import Kind, PortRange, Ports, ScalarError
from voxgate.config.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = re.compile(r"[A-Za-z0-9_.@+-]{1,64}\Z")

#: Below Linux's ephemeral ports and above the media's, so that neither takes them away from the relay.
RELAY_PORTS = PortRange(30000, 32767)


def parse_turn_user(value: object) -> str:
    """A user that coturn takes and every phone can be told: ASCII without spaces, quotes or colons."""
    if isinstance(value, str) and _USER.match(value):
        return value
    raise ScalarError(
        f"`{value}` is not the user of a TURN account", "use up to 64 letters, digits and . _ - + @, in quotes"
    )


TurnUser = Annotated[str, BeforeValidator(parse_turn_user), Kind("user")]
Secrets = Annotated[tuple[Secret, ...], BeforeValidator(as_list, json_schema_input_type=Secret | tuple[Secret, ...])]


class TurnQuota(Section):
    """How much the relay may be used."""

    per_user: int = Field(
        default=20, strict=True, ge=1, le=10000, description="Allocations of one user at the same time."
    )
    total: int = Field(default=1000, strict=True, ge=1, le=100000, description="Allocations of all users together.")
    kilobits_per_second: int = Field(
        default=4000,
        strict=True,
        ge=64,
        le=1000000,
        description="Bandwidth of one allocation in each direction; more is dropped. An audio call takes about 100, "
        "video up to 3000.",
    )


class Turn(Section):
    """STUN and TURN server. Without accounts and without a shared secret it answers STUN only."""

    port: Port = Field(default=3478, description="Port for STUN and TURN over UDP and TCP.")
    tls_port: Port | None = Field(default=None, description="Port for TURN over TLS, usually 5349. Default: no TLS.")
    accounts: dict[TurnUser, Secret] = Field(
        default={}, description="Accounts for phones: each user with its password. They change without a restart."
    )
    shared_secret: Secrets = Field(
        default=(),
        description="Secret for time-limited credentials (TURN REST API), for browsers and for PBXs that make them "
        "by themselves. During a rotation a list: credentials are made with the first, those of all are accepted.",
    )
    rest_port: Port = Field(
        default=3480,
        description="Where there are accounts too: port for STUN and TURN over UDP and TCP with time-limited "
        "credentials, because one server process knows one kind of credentials. Without accounts, `port` is used.",
    )
    rest_tls_port: Port = Field(
        default=5351, description="The same over TLS, where `tls_port` is set. Without accounts, `tls_port` is used."
    )
    credential_seconds: int = Field(
        default=14400,
        strict=True,
        ge=60,
        le=604800,
        description="How long time-limited credentials are good for a new allocation; existing ones go on.",
    )
    relay_ports: Ports = Field(
        default=RELAY_PORTS,
        description="UDP ports that relayed media comes from, `first-last`. They need not be open in any firewall: "
        "the other end is the edge itself.",
    )
    peers: Networks = Field(
        default=(),
        description="Networks that may be reached through the relay besides the edge's own media ports, for PBXs that "
        "send media themselves. Loopback, link-local and metadata addresses are never reached.",
    )
    quota: TurnQuota = Field(default=TurnQuota(), description="How much the relay may be used.")
    second_address: Addresses = Field(
        default=(),
        description="Second public address of this machine, one IPv4 and one IPv6 at most: clients can then find out "
        "which kind of NAT they are behind (RFC 5780).",
    )


def weak_secrets(turn: Turn) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What a stranger would guess: the key's path below `turn`, and what is wrong."""
    for user, password in turn.accounts.items():
        if problem := _weakness(password.reveal(), 8):
            yield ("accounts", user), problem
    for index, secret in enumerate(turn.shared_secret):
        if problem := _weakness(secret.reveal(), 16):
            yield ("shared_secret", index), problem


def _weakness(text: str, shortest: int) -> str:
    # Empty is what could not be looked up: that has a message of its own.
    if 0 < len(text) < shortest:
        return f"the secret is shorter than {shortest} characters"
    if len(text) > 120 or not text.isascii() or not text.isprintable():
        return "the secret is longer than 120 characters, or has some that are not printable ASCII"
    return ""
