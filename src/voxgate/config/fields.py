"""What every section is made of: the base class, and the types of values that several sections share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from voxgate.config.scalars import Hostname, IpAddress, IpNetwork, Kind, ScalarError, ServiceName

Port = Annotated[int, Field(ge=1, le=65535, strict=True), Kind("port, 1..65535")]


def as_list(value: object) -> object:
    """One value where several are allowed stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


Addresses = Annotated[
    tuple[IpAddress, ...], BeforeValidator(as_list, json_schema_input_type=IpAddress | tuple[IpAddress, ...])
]
Networks = Annotated[
    tuple[IpNetwork, ...], BeforeValidator(as_list, json_schema_input_type=IpNetwork | tuple[IpNetwork, ...])
]
ServiceNames = Annotated[
    tuple[ServiceName, ...],
    BeforeValidator(as_list, json_schema_input_type=ServiceName | tuple[ServiceName, ...]),
]
Hostnames = Annotated[
    tuple[Hostname, ...], BeforeValidator(as_list, json_schema_input_type=Hostname | tuple[Hostname, ...])
]


def _keepalive(value: int) -> int:
    if 0 < value < 5:
        raise ScalarError("keepalives cannot be sent that often", "give 5 to 300 seconds, or 0 for never")
    return value


KeepaliveSeconds = Annotated[
    int, Field(ge=0, le=300, strict=True), AfterValidator(_keepalive), Kind("seconds, 5..300, or 0")
]
SipCode = Annotated[int, Field(ge=400, le=699, strict=True), Kind("SIP answer, 400..699")]
SipCodes = Annotated[
    tuple[SipCode, ...], BeforeValidator(as_list, json_schema_input_type=SipCode | tuple[SipCode, ...])
]


class Srtp(StrEnum):
    """Whether media is encrypted."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Section(BaseModel):
    """Base of every mapping in the file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)
