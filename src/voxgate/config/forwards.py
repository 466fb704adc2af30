"""Port forwards for what a PBX serves beside SIP, HTTP, LDAP and H.323: the key `forwards` of PBXs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from voxgate.config.fields import Networks, Port, Section, as_list
from voxgate.config.scalars import IpAddress, Kind, PortRange, ScalarError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPAN: Final = re.compile(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*\Z", re.ASCII)
_NOTE: Final = re.compile(r"[A-Za-z0-9 .,:/()_+-]{0,60}\Z")


def parse_span(value: object) -> PortRange:
    """One port as a number, or `first-last`."""
    if isinstance(value, PortRange):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        span = PortRange(value, value)
    elif isinstance(value, str) and (match := _SPAN.match(value)):
        span = PortRange(int(match[1]), int(match[2]))
    else:
        raise ScalarError("a port or a range of ports is needed here", "write 4569, or 30000-30999")
    if not 1 <= span.first <= span.last <= 65535:
        raise ScalarError(f"`{value}` is no range of ports", "write first-last within 1-65535")
    return span


def _shown(span: PortRange) -> int | str:
    return span.first if span.first == span.last else str(span)


def _note(value: str) -> str:
    if not _NOTE.match(value):
        raise ScalarError("a note has up to 60 letters, digits, spaces and . , : / ( ) _ + -", "shorten it")
    return value


Span = Annotated[
    PortRange,
    BeforeValidator(parse_span),
    PlainSerializer(_shown, return_type=int | str),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\s*\d{1,5}\s*-\s*\d{1,5}\s*$"}]}),
    Kind("port, or range of ports `first-last`"),
]


class Forward(Section):
    """What comes to a port of the edge is passed on to the PBX as it is. The kernel does it; nobody looks inside."""

    udp: Span | None = Field(default=None, description="UDP port or range of the edge.")
    tcp: Span | None = Field(default=None, description="TCP port or range of the edge.")
    to: Port | None = Field(
        default=None, description="Port of the PBX, for a single port. Default: the same; a range keeps its ports."
    )
    node: IpAddress | None = Field(
        default=None, description="Address of the PBX it leads to. Default: the first of its nodes."
    )
    allow_from: Networks = Field(
        default=(), description="Networks that may use it. Default: every network; banned ones never."
    )
    keep_source: bool = Field(
        default=False,
        strict=True,
        description="The PBX sees the client's own address. It must send its answers back through the edge then (its "
        "default route); otherwise the edge's address stands there, which works everywhere.",
    )
    note: Annotated[str, AfterValidator(_note)] = Field(default="", description="What it is for, shown in lists.")

    def __str__(self) -> str:
        """As a person would say it: `udp 4569, tcp 20149 to 22 (SFTP)`."""
        ports = ", ".join(f"{proto} {_shown(span)}" for proto, span in self.spans())
        return ports + (f" to {self.to}" if self.to else "") + (f" ({self.note})" if self.note else "")

    def spans(self) -> Iterator[tuple[str, PortRange]]:
        """Protocol and ports, for each that is given."""
        for proto in ("udp", "tcp"):
            if span := getattr(self, proto):
                yield proto, span


Forwards = Annotated[
    tuple[Forward, ...], BeforeValidator(as_list, json_schema_input_type=Forward | tuple[Forward, ...])
]
