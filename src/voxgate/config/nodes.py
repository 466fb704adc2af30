"""Addresses of a PBX, for all protocols or for one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from voxgate.config.fields import Section, as_list
from voxgate.config.scalars import IpAddress, Kind


class Node(Section):
    """One address of a PBX."""

    address: IpAddress = Field(description="Address of the node. A name is not allowed: DNS would stop calls.")
    weight: int = Field(
        default=50, strict=True, ge=0, le=1000, description="Share of requests among nodes of equal priority."
    )
    priority: int = Field(
        default=1,
        strict=True,
        ge=0,
        le=100,
        description="Lowest first; the next value is used when all of these are down.",
    )


def _node_of_address(value: object) -> object:
    return value if isinstance(value, dict | Node) else {"address": value}


AddressOrNode = Annotated[
    Node, BeforeValidator(_node_of_address, json_schema_input_type=IpAddress | Node), Kind("IP address or mapping")
]
Nodes = Annotated[
    tuple[AddressOrNode, ...],
    BeforeValidator(as_list, json_schema_input_type=AddressOrNode | tuple[AddressOrNode, ...]),
]
