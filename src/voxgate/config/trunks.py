"""SIP providers: the section `trunks`."""

from __future__ import annotations

import re
import warnings
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from voxgate.config.fields import Port, Section, SipCodes, Srtp, as_list
from voxgate.config.identity import AccountName, Identity, Server
from voxgate.config.limits import Limits
from voxgate.config.profiles import ProfileName, laid_under
from voxgate.config.scalars import Hostname, IpNetwork, Kind, PbxName, ScalarError, parse_hostname, parse_network
from voxgate.config.secrets import Secret
from voxgate.config.trunktls import TrunkTls

_PATTERN = re.compile(r"\+?[0-9*#X]+\.?\Z|\+?\.\Z")
_DIGITS = re.compile(r"\+?[0-9*#]{0,32}\Z")
_COUNTRY = re.compile(r"[1-9][0-9]{0,2}\Z")


def parse_did(value: object) -> str:
    """Digits, `X` for any digit, `.` at the end for one or more; or `re:` and an expression for the whole number."""
    if not isinstance(value, str):
        raise ScalarError("a number stands here without quotes", 'write it as text: "05551594XX"')
    if value.startswith("re:"):
        try:
            re.compile(value[3:])
        except re.error as error:
            raise ScalarError(f"`{value}` is no regular expression: {error}", "see the syntax of Python's re") from None
        return value
    if not _PATTERN.match(value):
        raise ScalarError(
            f"`{value}` is no pattern of numbers",
            'digits, X for any digit, one dot at the end for the rest: "05551594XX", "0555200X."; or re:EXPRESSION',
        )
    return value


def parse_digits(value: object) -> str:
    """The beginning of a number, as text."""
    if isinstance(value, str) and _DIGITS.match(value):
        return value
    raise ScalarError(f"`{value}` is not the beginning of a number", 'write digits in quotes: "00", "+49"')


def parse_country(value: object) -> str:
    """A country code of E.164, without plus or zeros."""
    if isinstance(value, str) and _COUNTRY.match(value):
        return value
    raise ScalarError(f"`{value}` is no country code", 'write it in quotes, without + or 00: "49"')


def parse_source(value: object) -> object:
    """A network, an address, or the name of a host."""
    try:
        return parse_network(value)
    except ScalarError as error:
        if not isinstance(value, str) or "/" in value or value.replace(".", "").isdecimal():
            raise
        try:
            return parse_hostname(value)
        except ScalarError as other:
            raise (error if ":" in value else other) from None


DidPattern = Annotated[str, BeforeValidator(parse_did), Kind("pattern of numbers")]
Digits = Annotated[str, BeforeValidator(parse_digits), Kind("beginning of a number")]
Country = Annotated[str, BeforeValidator(parse_country), Kind("country code")]
Source = Annotated[Hostname | IpNetwork, BeforeValidator(parse_source), Kind("IP network or host name")]
Sources = Annotated[tuple[Source, ...], BeforeValidator(as_list, json_schema_input_type=Source | tuple[Source, ...])]
Servers = Annotated[tuple[Server, ...], BeforeValidator(as_list, json_schema_input_type=Server | tuple[Server, ...])]
Prefixes = Annotated[tuple[Digits, ...], BeforeValidator(as_list, json_schema_input_type=Digits | tuple[Digits, ...])]
PbxNames = Annotated[
    tuple[PbxName, ...], BeforeValidator(as_list, json_schema_input_type=PbxName | tuple[PbxName, ...])
]


class Transport(StrEnum):
    """How a provider speaks SIP."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class Destination(Section):
    """Where numbers of a trunk lead."""

    pbx: PbxName = Field(description="The PBX that gets the call.")
    fallback: PbxNames = Field(default=(), description="PBXs that get the call when the ones before cannot, in order.")
    codes: SipCodes = Field(
        default=(500, 502, 503, 504),
        description="Answers of a PBX that lead to the next one. A PBX without a node that is up is passed over.",
    )
    timeout_seconds: float = Field(
        default=4.0, strict=True, ge=0.5, le=30, description="A PBX that has sent no answer by then is passed over."
    )


def _destination_of_name(value: object) -> object:
    return value if isinstance(value, dict | Destination) else {"pbx": value}


NameOrDestination = Annotated[
    Destination,
    BeforeValidator(_destination_of_name, json_schema_input_type=PbxName | Destination),
    Kind("PBX or mapping"),
]


class NumberRule(Section):
    """One rule for numbers; the first one whose prefix a number has is used."""

    prefix: Digits = Field(default="", description="Numbers that begin so; without it, all numbers.")
    strip: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=32,
        description="How many characters are taken from the front. Default: the prefix.",
    )
    prepend: Digits = Field(default="", description="What is put in front then.")


class E164(Section):
    """Numbers with a plus at the provider, dialled numbers at the PBX. It holds after the rules."""

    country: Country = Field(description="Country code of the PBXs' numbers, without plus.")
    national: Digits = Field(
        default="0", description="What is dialled before a national number; empty in some countries."
    )
    international: Digits = Field(default="00", description="What is dialled before a country code.")


class Numbers(Section):
    """How numbers are rewritten between a provider and the PBXs."""

    inbound: tuple[NumberRule, ...] = Field(
        default=(), description="Rules for called numbers from the provider, before `dids` are asked."
    )
    outbound: tuple[NumberRule, ...] = Field(
        default=(), description="Rules for called numbers from a PBX, after `prefixes` were asked."
    )
    e164: E164 | None = Field(default=None, description="The provider writes numbers by E.164: +49555123.")


class TrunkFailover(Section):
    """When a call out goes on to the provider's next address, then to the next trunk."""

    timeout_seconds: float = Field(
        default=4.0,
        strict=True,
        ge=0.5,
        le=30,
        description="An address that has sent no answer by then is passed over.",
    )
    codes: SipCodes = Field(default=(500, 502, 503, 504), description="Answers that lead on instead of to the PBX.")


class Register(Section):
    """An account with which the edge registers at a provider, and with which calls out are authorised."""

    server: Server | None = Field(
        default=None, description="The provider's domain, as it stands in the account. Default: the trunk's `server`."
    )
    user: AccountName = Field(description="User of the account, as it stands in its SIP address.")
    password: Secret = Field(description="Password of the account.")
    auth_user: AccountName | None = Field(
        default=None, description="User for the password, where the provider gave another one than `user`."
    )
    expires_seconds: int = Field(
        default=600, strict=True, ge=60, le=86400, description="How long a registration shall last; renewed in time."
    )
    retry_seconds: int = Field(
        default=30,
        strict=True,
        ge=1,
        le=3600,
        description="Pause after a failed registration; doubled with each further one, up to half an hour.",
    )


# The users' word; that abstract base classes have a method of this name on the class harms nobody.
warnings.filterwarnings("ignore", 'Field name "register"', UserWarning)


class Trunk(Section):
    """One SIP provider."""

    profile: ProfileName | None = Field(
        default=None,
        description="Kind of provider, whose keys hold where you write none: see the profiles below.",
    )
    addresses: Sources = Field(
        default=(),
        description="Addresses, networks and host names of the provider: requests from there are the trunk's. Calls "
        "out go to the single addresses and names among them, in order, unless `outbound_proxy` or `server` says more.",
    )
    server: Server | None = Field(
        default=None,
        description="The provider's SIP server, as it wants to be named in calls out. An address here is also where "
        "they go; a name is looked up where `addresses` holds networks only. A PBX that calls this name gets this "
        "trunk and no other.",
    )
    outbound_proxy: Servers = Field(
        default=(),
        description="Where calls out and registrations are sent, in order: addresses, or names that are looked up. "
        "Requests from there are the trunk's.",
    )
    ip_version: Literal[4, 6] | None = Field(
        default=None,
        description="Which addresses of a name are used for calls out. Default: IPv4 where the name has any and the "
        "edge has IPv4 outside, else IPv6.",
    )
    register: Register | None = Field(default=None, description="Register at the provider, which then calls the edge.")
    transport: Transport = Field(
        default=Transport.UDP,
        description="How calls go out to the provider. Where you leave it out, the DNS of a name may choose another.",
    )
    port: Port | None = Field(
        default=None,
        description="The provider's port. Default: for a name what DNS says (SRV), else 5060, with TLS 5061.",
    )
    dids: dict[DidPattern, NameOrDestination] = Field(
        default={},
        description="Numbers of this trunk and the PBX they lead to. Compared from the left, a digit goes before `X`, "
        "`X` before `.`; `re:` patterns come last, in their order. Other numbers are answered with 404.",
    )
    pbxs: PbxNames = Field(default=(), description="PBXs that may call out through this trunk.")
    prefixes: Prefixes = Field(
        default=(),
        description="Numbers that go out through this trunk, by how they begin; without it, all. The trunk with the "
        "longest prefix is tried first.",
    )
    priority: int = Field(
        default=1, strict=True, ge=0, le=100, description="Among equally long prefixes, lowest first."
    )
    failover: TrunkFailover = Field(default=TrunkFailover(), description="When the next address or trunk is tried.")
    limits: Limits | None = Field(
        default=None,
        description="How many calls the trunk may have, in both directions. A call out goes on to the next trunk when "
        "this one is full.",
    )
    numbers: Numbers = Field(default=Numbers(), description="How numbers are rewritten on the way in and out.")
    identity: Identity = Field(default=Identity(), description="Who calls, as the provider is told and believed.")
    keepalive: bool = Field(
        default=True,
        strict=True,
        description="Ask the provider with OPTIONS whether it is there, as the PBXs are asked; one that does not "
        "answer gets no calls.",
    )
    srtp: Srtp = Field(default=Srtp.OFF, description="Encrypted audio towards the provider.")
    source_port: Port | None = Field(
        default=None,
        description="Our own port towards this provider (UDP), where it allows one registration for each address and "
        "port. Default: listen.sip.udp.",
    )
    edge_name: Hostname | None = Field(
        default=None,
        description="Name of the edge that this provider sees in Via, Record-Route and Contact, instead of an address.",
    )
    tls: TrunkTls | None = Field(default=None, description="Our certificate for this provider, and how it is known.")
    topology_hiding: bool | None = Field(
        default=None,
        strict=True,
        description="Hide the addresses of all PBXs from this provider, or of none. Default: as the PBXs say.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_profile(cls, given: object) -> object:
        return laid_under(given)
