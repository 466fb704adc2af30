"""H.225.0 messages as values, in TPKT and Q.931. RAS goes in the tunnel of H.460.17."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from pycrate_asn1dir import H225

SCHEMA = H225.H323_MESSAGES
PROTOCOL = (0, 0, 8, 2250, 0, 6)
ALERTING, CALL_PROCEEDING, SETUP, CONNECT, RELEASE_COMPLETE, FACILITY = 0x01, 0x02, 0x05, 0x07, 0x5A, 0x62
VENDOR = {"vendor": {"t35CountryCode": 181, "t35Extension": 0, "manufacturerCode": 1}, "productId": b"lab"}
TYPE = {"vendor": VENDOR, "terminal": {}, "mc": False, "undefinedNode": False}
_USER_USER = 0x7E
_TUNNEL = ("standard", 17)
_RAS = ("standard", 1)
Ras = tuple[str, dict[str, Any]]
"""A RasMessage: name of the alternative, its value."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `kind` None is an empty TPKT. `body` is h323-message-body, None without a user-user element."""

    kind: int | None
    call_reference: int = 0
    from_destination: bool = False
    body: Ras | None = None
    ras: tuple[Ras, ...] = field(default=())


KEEPALIVE = Message(None)


def write(message: Message) -> bytes:
    """Its octets, TPKT included."""
    if message.kind is None:
        return b"\x03\x00\x00\x04"
    flag = 0x8000 if message.from_destination else 0
    q931 = b"\x08\x02" + (message.call_reference | flag).to_bytes(2, "big") + bytes((message.kind,))
    if message.body is not None:
        octets = _user_information(message)
        q931 += bytes((_USER_USER,)) + (len(octets) + 1).to_bytes(2, "big") + b"\x05" + octets
    return b"\x03\x00" + (len(q931) + 4).to_bytes(2, "big") + q931


def tunnel(*ras: Ras) -> Message:
    """A Facility that carries RAS messages."""
    return Message(FACILITY, body=("empty", 0), ras=ras)  # type: ignore[arg-type]


def read(octets: bytes) -> Message:
    """The message in one TPKT. Raises ValueError, or what pycrate raises, at what the standard does not allow."""
    if octets == b"\x03\x00\x00\x04":
        return KEEPALIVE
    if octets[4] != 0x08 or octets[5] > 2:
        raise ValueError("no Q.931 message")
    begin = 6 + octets[5]
    reference = int.from_bytes(octets[6:begin], "big")
    flag = 1 << (8 * octets[5] - 1) if octets[5] else 0
    unit = _unit(octets, begin + 1)
    body = unit["h323-message-body"] if unit else None
    ras = tuple(_tunnelled(unit)) if unit else ()
    return Message(octets[begin], reference & ~flag, bool(reference & flag), body, ras)


def alias(text: str) -> tuple[str, str]:
    """An AliasAddress: digits, a URL with its scheme, or a name."""
    if set(text) <= set("0123456789#*,"):
        return "dialledDigits", text
    return ("url-ID" if text.startswith("h323:") else "h323-ID"), text


def _user_information(message: Message) -> bytes:
    unit: dict[str, Any] = {"h323-message-body": message.body, "h245Tunnelling": True}
    if message.ras:
        parameters = []
        for one in message.ras:
            SCHEMA.RasMessage.set_val(one)
            parameters.append({"id": _RAS, "content": ("raw", SCHEMA.RasMessage.to_aper())})
        unit["genericData"] = [{"id": _TUNNEL, "parameters": parameters}]
    SCHEMA.H323_UserInformation.set_val({"h323-uu-pdu": unit})
    octets: bytes = SCHEMA.H323_UserInformation.to_aper()
    return octets


def _unit(octets: bytes, at: int) -> dict[str, Any] | None:
    """H323-UU-PDU; elements with bit 8 have no length."""
    while at < len(octets):
        element, at = octets[at], at + 1
        if element & 0x80:
            continue
        width = 2 if element == _USER_USER else 1
        size, at = int.from_bytes(octets[at : at + width], "big"), at + width
        if element == _USER_USER:
            SCHEMA.H323_UserInformation.from_aper(octets[at + 1 : at + size])
            unit: dict[str, Any] = SCHEMA.H323_UserInformation.get_val()["h323-uu-pdu"]
            return unit
        at += size
    return None


def _tunnelled(unit: dict[str, Any]) -> list[Ras]:
    found = []
    for feature in unit.get("genericData", ()):
        for parameter in feature["parameters"] if feature["id"] == _TUNNEL else ():
            SCHEMA.RasMessage.from_aper(parameter["content"][1])
            found.append(SCHEMA.RasMessage.get_val())
    return found


# --- What endpoints and gatekeepers say ------------------------------------------------------------------------------


def discovery(number: int, gatekeeper_id: str | None, aliases: tuple[str, ...] = ()) -> Ras:
    """GRQ."""
    value: dict[str, Any] = {
        "requestSeqNum": number,
        "protocolIdentifier": PROTOCOL,
        "rasAddress": ("ipAddress", {"ip": bytes(4), "port": 0}),
        "endpointType": TYPE,
    }
    return "gatekeeperRequest", value | _named("gatekeeperIdentifier", gatekeeper_id) | _list("endpointAlias", aliases)


def registration(
    number: int,
    gatekeeper_id: str | None,
    aliases: tuple[str, ...],
    password: str = "",
    endpoint_id: str = "",
    *,
    keep_alive: bool = False,
) -> Ras:
    """RRQ, full or keepalive. The password goes in a clear token (H.235.0): the connection is what protects it."""
    value: dict[str, Any] = {
        "requestSeqNum": number,
        "protocolIdentifier": PROTOCOL,
        "discoveryComplete": False,
        "callSignalAddress": [],
        "rasAddress": [],
        "terminalType": TYPE,
        "endpointVendor": VENDOR,
        "timeToLive": 60,
        "keepAlive": keep_alive,
        "willSupplyUUIEs": False,
        "maintainConnection": True,
    }
    if password:
        value["tokens"] = [{"tokenOID": (0, 0, 8, 235, 0, 2), "password": password}]
    named = _named("gatekeeperIdentifier", gatekeeper_id) | _named("endpointIdentifier", endpoint_id or None)
    return "registrationRequest", value | named | _list("terminalAlias", aliases)


def setup(called: str, caller: str, identifier: bytes = b"") -> Ras:
    """The body of a Setup."""
    return "setup", {
        "protocolIdentifier": PROTOCOL,
        "sourceAddress": [alias(caller)],
        "sourceInfo": TYPE,
        "destinationAddress": [alias(called)],
        "activeMC": False,
        "conferenceID": identifier or secrets.token_bytes(16),
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "callIdentifier": {"guid": identifier or secrets.token_bytes(16)},
        "mediaWaitForConnect": False,
        "canOverlapSend": False,
    }


def release(reason: str = "undefinedReason") -> Ras:
    """The body of a ReleaseComplete."""
    return "releaseComplete", {"protocolIdentifier": PROTOCOL, "reason": (reason, 0)}


def connected() -> Ras:
    """The body of a Connect."""
    value = {"protocolIdentifier": PROTOCOL, "destinationInfo": TYPE, "conferenceID": bytes(16)}
    return "connect", value | {
        "callIdentifier": {"guid": bytes(16)},
        "multipleCalls": False,
        "maintainConnection": True,
    }


def _named(key: str, text: str | None) -> dict[str, Any]:
    return {} if text is None else {key: text}


def _list(key: str, aliases: tuple[str, ...]) -> dict[str, Any]:
    return {key: [alias(one) for one in aliases]} if aliases else {}
