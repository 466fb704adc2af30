"""Call signalling messages of H.225.0, and the generic data behind them, where H.460 keeps its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxgate.router.h323.h225 import (
    ALIAS_ADDRESS,
    ALIASES,
    ENDPOINT_TYPE,
    NON_STANDARD,
    QSERIES_OPTIONS,
    TRANSPORT_ADDRESS,
)
from voxgate.router.h323.per import (
    Optional,
    bmp_string,
    boolean,
    choice,
    extensible_integer,
    ia5_string,
    integer,
    null,
    object_identifier,
    octet_string,
    sequence,
    sequence_of,
)

if TYPE_CHECKING:
    from voxgate.router.h323.reader import Reader

_GUID = octet_string(16, 16)
_SETUP = sequence(
    {
        "protocolIdentifier": object_identifier,
        "h245Address": Optional(TRANSPORT_ADDRESS),
        "sourceAddress": Optional(ALIASES),
        "sourceInfo": ENDPOINT_TYPE,
        "destinationAddress": Optional(ALIASES),
        "destCallSignalAddress": Optional(TRANSPORT_ADDRESS),
        "destExtraCallInfo": Optional(ALIASES),
        "destExtraCRV": Optional(sequence_of(integer(0, 65535))),
        "activeMC": boolean,
        "conferenceID": _GUID,
        "conferenceGoal": choice(tuple((name, null) for name in ("create", "join", "invite"))),
        "callServices": Optional(QSERIES_OPTIONS),
        "callType": choice(tuple((name, null) for name in ("pointToPoint", "oneToN", "nToOne", "nToN"))),
    },
    wanted={2: ("callIdentifier", sequence({"guid": _GUID}))},
)
_ANSWER = sequence(  # CallProceeding and Alerting
    {
        "protocolIdentifier": object_identifier,
        "destinationInfo": ENDPOINT_TYPE,
        "h245Address": Optional(TRANSPORT_ADDRESS),
    }
)
_CONNECT = sequence(
    {
        "protocolIdentifier": object_identifier,
        "h245Address": Optional(TRANSPORT_ADDRESS),
        "destinationInfo": ENDPOINT_TYPE,
        "conferenceID": _GUID,
    }
)
_INFORMATION = sequence({"protocolIdentifier": object_identifier})
_RELEASE_REASON = choice(
    tuple(
        (name, null)
        for name in (
            *("noBandwidth", "gatekeeperResources", "unreachableDestination", "destinationRejection"),
            *("invalidRevision", "noPermission", "unreachableGatekeeper", "gatewayResources", "badFormatAddress"),
            *("adaptiveBusy", "inConf", "undefinedReason"),
        )
    )
)
_RELEASE_COMPLETE = sequence({"protocolIdentifier": object_identifier, "reason": Optional(_RELEASE_REASON)})
_FACILITY = sequence(
    {
        "protocolIdentifier": object_identifier,
        "alternativeAddress": Optional(TRANSPORT_ADDRESS),
        "alternativeAliasAddress": Optional(ALIASES),
        "conferenceID": Optional(_GUID),
        "reason": choice(
            tuple((name, null) for name in ("routeCallToGatekeeper", "callForwarded", "routeCallToMC", "undefined"))
        ),
    }
)
_BODY = choice(
    (
        ("setup", _SETUP),
        ("callProceeding", _ANSWER),
        ("connect", _CONNECT),
        ("alerting", _ANSWER),
        ("information", _INFORMATION),
        ("releaseComplete", _RELEASE_COMPLETE),
        ("facility", _FACILITY),
    ),
    additions=(("progress", None), ("empty", None)),
)

_GENERIC_IDENTIFIER = choice(
    (("standard", extensible_integer(0, 16383)), ("oid", object_identifier), ("nonStandard", octet_string(16, 16)))
)


def _deeper_parameters(reader: Reader) -> list[object]:
    return reader.nested(_PARAMETERS)  # type: ignore[no-any-return]


def _deeper_data(reader: Reader) -> list[object]:
    return reader.nested(_NESTED_DATA)  # type: ignore[no-any-return]


_CONTENT = choice(
    (
        ("raw", octet_string()),
        ("text", ia5_string()),
        ("unicode", bmp_string()),
        ("bool", boolean),
        ("number8", integer(0, 255)),
        ("number16", integer(0, 65535)),
        ("number32", integer(0, 0xFFFFFFFF)),
        ("id", _GENERIC_IDENTIFIER),
        ("alias", ALIAS_ADDRESS),
        ("transport", TRANSPORT_ADDRESS),
        ("compound", _deeper_parameters),
        ("nested", _deeper_data),
    )
)
_PARAMETERS = sequence_of(sequence({"id": _GENERIC_IDENTIFIER, "content": Optional(_CONTENT)}), 1, 512)
_GENERIC_DATA = sequence({"id": _GENERIC_IDENTIFIER, "parameters": Optional(_PARAMETERS)})
_NESTED_DATA = sequence_of(_GENERIC_DATA, 1, 16)

_UU_PDU = sequence(
    {"h323-message-body": _BODY, "nonStandardData": Optional(NON_STANDARD)},
    wanted={8: ("genericData", sequence_of(_GENERIC_DATA))},
    last=True,
)


def user_information(reader: Reader) -> dict[str, Any]:
    """H323-UU-PDU, the first component of H323-UserInformation; user-data after it is not read."""
    reader.bits(2)
    return _UU_PDU(reader)  # type: ignore[no-any-return]
