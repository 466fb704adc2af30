"""Whatever pycrate can write from the ASN.1, ours reads the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrate_asn1dir import H225

from voxgate.router.h323 import q931
from voxgate.router.h323.messages import read
from voxgate.router.h323.tpkt import LONGEST, framed

SCHEMA = H225.H323_MESSAGES
PROTOCOL = (0, 0, 8, 2250, 0, 7)

BMP = st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])
IA5 = st.characters(max_codepoint=0x7E)  # pycrate has no DEL
DIGITS = st.text("0123456789#*,", min_size=1, max_size=128)
URL = st.text(IA5, min_size=1, max_size=512)
ALIASES = st.lists(
    st.one_of(
        st.tuples(st.just("dialledDigits"), DIGITS),
        st.tuples(st.just("h323-ID"), st.text(BMP, min_size=1, max_size=256)),
        st.tuples(st.sampled_from(["url-ID", "email-ID"]), URL),
    ),
    max_size=5,
)
NON_STANDARD = st.fixed_dictionaries(
    {
        "nonStandardIdentifier": st.one_of(
            st.just(("object", (1, 2, 840, 113548))),
            st.tuples(
                st.just("h221NonStandard"),
                st.fixed_dictionaries(
                    {
                        "t35CountryCode": st.integers(0, 255),
                        "t35Extension": st.integers(0, 255),
                        "manufacturerCode": st.integers(0, 65535),
                    }
                ),
            ),
        ),
        "data": st.binary(max_size=300),
    }
)
PORT = st.integers(0, 65535)
TRANSPORT = st.one_of(
    st.tuples(st.just("ipAddress"), st.fixed_dictionaries({"ip": st.binary(min_size=4, max_size=4), "port": PORT})),
    st.tuples(st.just("ip6Address"), st.fixed_dictionaries({"ip": st.binary(min_size=16, max_size=16), "port": PORT})),
    st.tuples(st.just("nsap"), st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("nonStandardAddress"), NON_STANDARD),
)
TYPE = st.fixed_dictionaries(
    {"mc": st.booleans(), "undefinedNode": st.booleans()},
    optional={
        "nonStandardData": NON_STANDARD,
        "vendor": st.fixed_dictionaries(
            {"vendor": st.just({"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61})},
            optional={name: st.binary(min_size=1, max_size=256) for name in ("productId", "versionId")},
        ),
        "terminal": st.fixed_dictionaries({}, optional={"nonStandardData": NON_STANDARD}),
    },
)
GATEKEEPER_ID = st.text(BMP, min_size=1, max_size=128)
REGISTRATION = st.fixed_dictionaries(
    {
        "requestSeqNum": st.integers(1, 65535),
        "protocolIdentifier": st.just(PROTOCOL),
        "discoveryComplete": st.booleans(),
        "callSignalAddress": st.lists(TRANSPORT, max_size=3),
        "rasAddress": st.lists(TRANSPORT, max_size=3),
        "terminalType": TYPE,
        "endpointVendor": st.just({"vendor": {"t35CountryCode": 9, "t35Extension": 0, "manufacturerCode": 61}}),
        "keepAlive": st.booleans(),
        "willSupplyUUIEs": st.booleans(),
        "maintainConnection": st.booleans(),
    },
    optional={
        "nonStandardData": NON_STANDARD,
        "terminalAlias": ALIASES,
        "gatekeeperIdentifier": GATEKEEPER_ID,
        "timeToLive": st.integers(1, 4294967295),
        "endpointIdentifier": st.text(BMP, min_size=1, max_size=128),
    },
)
DISCOVERY = st.fixed_dictionaries(
    {
        "requestSeqNum": st.integers(1, 65535),
        "protocolIdentifier": st.just(PROTOCOL),
        "rasAddress": TRANSPORT,
        "endpointType": TYPE,
    },
    optional={"nonStandardData": NON_STANDARD, "endpointAlias": ALIASES, "gatekeeperIdentifier": GATEKEEPER_ID},
)
RAS = st.lists(
    st.one_of(
        st.tuples(st.just("registrationRequest"), REGISTRATION), st.tuples(st.just("gatekeeperRequest"), DISCOVERY)
    ),
    min_size=1,
    max_size=3,
)


def encoded(ras: list[tuple[str, dict[str, Any]]]) -> bytes:
    """A Facility with the tunnel, written by pycrate."""
    parameters = []
    for message in ras:
        SCHEMA.RasMessage.set_val(message)
        parameters.append({"id": ("standard", 1), "content": ("raw", SCHEMA.RasMessage.to_aper())})
    generic = [{"id": ("standard", 17), "parameters": parameters}]
    unit = {"h323-message-body": ("empty", 0), "h245Tunnelling": True, "genericData": generic}
    return user_information(unit, q931.FACILITY)


def user_information(unit: dict[str, Any], kind: int) -> bytes:
    SCHEMA.H323_UserInformation.set_val({"h323-uu-pdu": unit})
    return q931.build(kind, b"\0\0", SCHEMA.H323_UserInformation.to_aper())


@settings(deadline=None, max_examples=150)
@given(RAS)
def test_every_request_that_pycrate_writes_is_read_the_same(ras: list[tuple[str, dict[str, Any]]]) -> None:
    payload = encoded(ras)
    if len(framed(payload)) > LONGEST:
        return
    assert [
        (one.kind, one.number, one.gatekeeper_id, [(alias.kind, alias.text) for alias in one.aliases], one.keep_alive)
        for one in read(payload).ras
    ] == [
        (
            "RRQ" if kind == "registrationRequest" else "GRQ",
            content["requestSeqNum"],
            content.get("gatekeeperIdentifier"),
            content.get("terminalAlias") or content.get("endpointAlias") or [],
            content.get("keepAlive", False),
        )
        for kind, content in ras
    ]


@settings(deadline=None, max_examples=100)
@given(called=ALIASES, source=ALIASES, kind=TYPE, guid=st.binary(min_size=16, max_size=16))
def test_every_call_that_pycrate_writes_is_read_the_same(
    called: list[tuple[str, str]], source: list[tuple[str, str]], kind: dict[str, Any], guid: bytes
) -> None:
    setup = {
        "protocolIdentifier": PROTOCOL,
        "sourceAddress": source,
        "sourceInfo": kind,
        "destinationAddress": called,
        "activeMC": False,
        "conferenceID": guid,
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "callIdentifier": {"guid": guid},
        "mediaWaitForConnect": False,
        "canOverlapSend": False,
    }
    found = read(user_information({"h323-message-body": ("setup", setup), "h245Tunnelling": True}, q931.SETUP)).call
    assert found is not None
    assert ([(alias.kind, alias.text) for alias in found.called], found.identifier) == (called, guid)


BODIES = {
    "callProceeding": {"protocolIdentifier": PROTOCOL, "destinationInfo": {"mc": False, "undefinedNode": False}},
    "alerting": {"protocolIdentifier": PROTOCOL, "destinationInfo": {"mc": False, "undefinedNode": True}},
    "connect": {
        "protocolIdentifier": PROTOCOL,
        "h245Address": ("ipAddress", {"ip": b"\x0a\0\0\1", "port": 1720}),
        "destinationInfo": {"mc": False, "undefinedNode": False},
        "conferenceID": bytes(16),
    },
    "information": {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": bytes(16)}},
    "releaseComplete": {"protocolIdentifier": PROTOCOL, "reason": ("hopCountExceeded", 0)},
    "facility": {"protocolIdentifier": PROTOCOL, "reason": ("transportedInformation", 0), "conferenceID": bytes(16)},
    "progress": {
        "protocolIdentifier": PROTOCOL,
        "destinationInfo": {"mc": False, "undefinedNode": False},
        "callIdentifier": {"guid": bytes(16)},
    },
}


@pytest.mark.parametrize("body", BODIES)
def test_the_tunnel_is_found_behind_every_body(body: str) -> None:
    SCHEMA.RasMessage.set_val(("unregistrationRequest", {"requestSeqNum": 9, "callSignalAddress": []}))
    parameters = [
        {"id": ("standard", 2), "content": ("number32", 70000)},
        {"id": ("nonStandard", bytes(16)), "content": ("compound", [{"id": ("standard", 1)}])},
        {"id": ("standard", 1), "content": ("raw", SCHEMA.RasMessage.to_aper())},
    ]
    others = [{"id": ("oid", (1, 3, 6)), "parameters": [{"id": ("standard", 1), "content": ("number8", 7)}]}]
    unit = {
        "h323-message-body": (body, BODIES[body]),
        "h245Tunnelling": False,
        "genericData": [*others, {"id": ("standard", 17), "parameters": parameters}],
    }
    message = read(user_information(unit, q931.FACILITY))
    assert (message.body, [ras.kind for ras in message.ras]) == (body, ["URQ"])
