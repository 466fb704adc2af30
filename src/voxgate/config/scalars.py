"""Scalar values of the configuration that need more than a type: parsed once, then trusted.

Every parser takes what the YAML reader found (text, number, truth value, a value already parsed) and
returns the value or raises `ScalarError`: a `ValueError` that says what is wrong and what would be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_LOCATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_PBX_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,14}\Z")
_PORT_RANGE = re.compile(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ScalarError(ValueError):
    """A value that cannot be right: `message` says why, `advice` what would be."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Kind:
    """How the reference page names a type, as metadata of an annotation."""

    words: str


def _text(value: object, what: str, example: str) -> str:
    if isinstance(value, str):
        return value
    raise ScalarError(f"a {what} is needed here", f"write it as text, for instance {example}")


def _to_ascii(name: str, shown: str) -> str:
    if name.isascii():
        return name.lower()
    try:
        return name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ScalarError(
            f"`{shown}` is not a host name",
            "write the name in its ASCII form (xn--...)",
        ) from None


def _host(value: object, example: str) -> str:
    shown = _text(value, "host name", example)
    if _is_address(shown.strip("[]")):
        raise ScalarError(f"`{shown}` is an address, not a name", f"write a host name, for instance {example}")
    if shown.startswith("*"):
        raise ScalarError(f"`{shown}` is a wildcard", "write every name out; wildcards are not supported")
    if "://" in shown or shown.startswith(("sip:", "sips:")):
        raise ScalarError(f"`{shown}` is a URI, not a host name", f"write the bare name, for instance {example}")
    name = _to_ascii(shown.removesuffix("."), shown)
    if len(name) > 253:
        raise ScalarError("the host name is too long", "253 characters at most (RFC 1035)")
    for label in name.split("."):
        if not _LABEL.match(label):
            raise ScalarError(
                f"`{shown}` is not a host name",
                "letters, digits and hyphens between dots, at most 63, no hyphen at an end (RFC 1123)",
            )
    return name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def parse_hostname(value: object) -> str:
    """A fully qualified domain name in lower case, as A-labels (RFC 5890), without the final dot."""
    name = _host(value, "proxy.example.com")
    if "." not in name:
        raise ScalarError(f"`{name}` has no domain", "write the fully qualified name: proxy.example.com")
    return name


def parse_pbx_name(value: object) -> str:
    """The operator's short id of a PBX: 1 to 32 of a-z, 0-9 and hyphen; it appears in logs and file names."""
    name = _text(value, "short name", "hq")
    if not _PBX_NAME.match(name):
        raise ScalarError(
            f"`{name}` cannot be the short name of a PBX",
            "use up to 32 lower-case letters, digits and hyphens, for instance hq or branch-2; "
            "domains belong under names",
        )
    return name


def parse_service_name(value: object) -> str:
    """A SIP domain, or `domain/location` (an H.323 gatekeeper ID); the domain is parsed as a host name."""
    text = _text(value, "SIP domain or `domain/location`", "example.com")
    domain, slash, location = text.partition("/")
    name = _host(domain, "example.com")
    if not slash:
        return name
    if not _LOCATION.match(location):
        raise ScalarError(
            f"`{location}` is not a location",
            "after the slash write letters, digits, dots, hyphens or underscores: example.com/branch",
        )
    return f"{name}/{location}"


def parse_interface(value: object) -> str:
    """The name of a network interface as Linux allows it: at most 15 characters (IFNAMSIZ)."""
    name = _text(value, "network interface", "eth0")
    if not _INTERFACE.match(name):
        raise ScalarError(
            f"`{name}` cannot be a network interface", "`ip link` lists the interfaces, for instance eth0"
        )
    return name


def parse_address(value: object) -> IPv4Address | IPv6Address:
    """One unicast address; a host name is refused because looking it up would stop calls."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    text = _text(value, "IP address", "192.168.1.10")
    try:
        address = ip_address(text)
    except ValueError:
        raise _not_an_address(text) from None
    if isinstance(address, IPv6Address) and (address.scope_id or address.is_link_local):
        raise ScalarError(
            f"`{text}` is a link-local address",
            "write a global or unique local address",
        )
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ScalarError(f"`{text}` is an IPv4 address in IPv6 form", f"write {address.ipv4_mapped}")
    if address.is_unspecified or address.is_multicast:
        raise ScalarError(f"`{text}` is not the address of one machine", "write the address itself")
    return address


def _not_an_address(text: str) -> ScalarError:
    host, _, port = text.rpartition(":")
    if "/" in text:
        return ScalarError(f"`{text}` is a network, not an address", "leave out the slash and what follows")
    if port.isdigit() and _is_address(host.strip("[]")):
        return ScalarError(f"`{text}` has a port", f"write {host.strip('[]')} here; ports belong under `sip`")
    if any(character.isalpha() for character in text) and ":" not in text:
        return ScalarError(
            f"`{text}` is a name, not an address",
            "write the address: looking a name up (DNS) would stop calls whenever the answer is late",
        )
    return ScalarError(f"`{text}` is not an IP address", "write it like 192.168.1.10 or 2001:db8::10")


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """One network in prefix notation, without host bits; an address alone is a network of one."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    text = _text(value, "network", "192.168.1.0/24")
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        right = ip_network(text, strict=False)
    except ValueError:
        raise ScalarError(f"`{text}` is not a network", "write it like 192.168.1.0/24") from None
    raise ScalarError(f"`{text}` is an address inside a network", f"write {right}")


def parse_path(value: object) -> Path:
    """An absolute path: the same file whatever the working directory is."""
    if isinstance(value, Path):
        return value
    text = _text(value, "path", "/etc/voxgate/tls/fullchain.pem")
    if _CONTROL.search(text) or not text.startswith("/"):
        raise ScalarError("the path must be absolute", "start it with a slash: /etc/voxgate/tls/fullchain.pem")
    return Path(text)


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports `first`..`last`, both included; `str` gives what the operator writes."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __len__(self) -> int:
        return self.last - self.first + 1


def parse_ports(value: object) -> PortRange:
    """`first-last` with room for one call: two streams, RTP and RTCP each (RFC 3550 section 11)."""
    if isinstance(value, PortRange):
        return value
    match = _PORT_RANGE.match(value) if isinstance(value, str) else None
    if match is None:
        raise ScalarError("a range of ports is needed here", "write first-last, for instance 10000-20000")
    ports = PortRange(int(match[1]), int(match[2]))
    if ports.first > ports.last:
        raise ScalarError(f"`{ports}` runs backwards", f"write {ports.last}-{ports.first}")
    if ports.first < 1024 or ports.last > 65535:
        raise ScalarError(f"`{ports}` leaves the usable ports", "use 1024-65535, for instance 10000-20000")
    if len(ports) < 4:
        raise ScalarError(
            f"`{ports}` has room for no call",
            "a call takes four ports (two streams, RTP and RTCP each); 10000-20000 is usual",
        )
    return ports


Hostname = Annotated[str, BeforeValidator(parse_hostname), Kind("host name")]
PbxName = Annotated[str, BeforeValidator(parse_pbx_name), Kind("short name")]
ServiceName = Annotated[str, BeforeValidator(parse_service_name), Kind("SIP domain or `domain/location`")]
InterfaceName = Annotated[str, BeforeValidator(parse_interface), Kind("network interface")]
IpAddress = Annotated[IPv4Address | IPv6Address, BeforeValidator(parse_address), Kind("IP address")]
IpNetwork = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network), Kind("IP network")]
AbsolutePath = Annotated[Path, BeforeValidator(parse_path), Kind("absolute path")]
Ports = Annotated[
    PortRange,
    BeforeValidator(parse_ports),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,5}\s*-\s*\d{1,5}\s*$"}),
    Kind("range of ports, `first-last`"),
]
