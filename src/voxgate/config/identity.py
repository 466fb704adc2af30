"""Who somebody is at a provider: the section `identity` of a trunk."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from voxgate.config.fields import Section
from voxgate.config.scalars import Hostname, IpAddress, Kind, ScalarError, parse_address, parse_hostname

_ACCOUNT = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,64}\Z")


def parse_server(value: object) -> object:
    """A host name or an address."""
    try:
        return parse_address(value)
    except ScalarError:
        return parse_hostname(value)


def parse_account(value: object) -> str:
    """The user part of a SIP address (RFC 3261 section 25.1), as text."""
    if isinstance(value, str) and _ACCOUNT.match(value):
        return value
    raise ScalarError(f"`{value}` is not the user of an account", 'write it in quotes, without domain: "0555159400"')


AccountName = Annotated[str, BeforeValidator(parse_account), Kind("user")]
Server = Annotated[Hostname | IpAddress, BeforeValidator(parse_server), Kind("host name or IP address")]


class Shown(StrEnum):
    """What stands in a header of identity towards the provider."""

    KEEP = "keep"
    FROM = "from"
    ACCOUNT = "account"
    REMOVE = "remove"


class Caller(StrEnum):
    """Whose name stands in From towards the provider."""

    PBX = "pbx"
    ACCOUNT = "account"


class Called(StrEnum):
    """Whom To names towards the provider."""

    PBX = "pbx"
    TRUNK = "trunk"


class Diverted(StrEnum):
    """What becomes of Diversion towards the provider."""

    KEEP = "keep"
    REMOVE = "remove"
    HISTORY = "history"


class Privacy(StrEnum):
    """Who withholds a caller that wants to stay unknown."""

    PROVIDER = "provider"
    EDGE = "edge"


class Identity(Section):
    """Who calls, as the provider is told, and as it is believed."""

    caller: Caller = Field(
        default=Caller.PBX,
        description="User in From of calls out: `pbx`, as the PBX writes it; `account`, always `user`.",
    )
    user: AccountName | None = Field(
        default=None, description="User of the account. Default: the user of `register`, if the edge registers."
    )
    domain: Server | None = Field(
        default=None,
        description="Host in From and in what is made of it. Default: as the PBX writes it; with `account` the trunk's "
        "`server`.",
    )
    called: Called = Field(
        default=Called.PBX,
        description="To of calls out: `pbx`, as the PBX writes it; `trunk`, the number as the trunk writes it, at its "
        "`server`.",
    )
    asserted: Shown = Field(
        default=Shown.KEEP,
        description="P-Asserted-Identity of calls out: `keep`, as the PBX writes it; `from`, made from the PBX's From; "
        "`account`; `remove`.",
    )
    preferred: Shown = Field(default=Shown.KEEP, description="P-Preferred-Identity of calls out, in the same way.")
    diversion: Diverted = Field(
        default=Diverted.KEEP,
        description="Diversion of calls out: `keep`; `remove`, History-Info as well; `history`, made from History-Info "
        "where the PBX writes no Diversion.",
    )
    privacy: Privacy = Field(
        default=Privacy.PROVIDER,
        description="Who withholds a caller for whom the PBX writes Privacy: `provider`, which is told everything; "
        "`edge`: the provider is told nothing.",
    )
    trust: bool = Field(
        default=True,
        strict=True,
        description="Let the provider's P-Asserted-Identity and Remote-Party-ID through to the PBX.",
    )
