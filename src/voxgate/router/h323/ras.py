"""RAS messages of H.225.0: those that ask for a gatekeeper and those that reject. Of the others the kind is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.router.h323.h225 import (
    ALIASES,
    ENDPOINT_TYPE,
    GATEKEEPER_IDENTIFIER,
    NON_STANDARD,
    QSERIES_OPTIONS,
    REQUEST_NUMBER,
    TRANSPORT_ADDRESS,
    VENDOR,
)
from voxgate.router.h323.per import (
    Optional,
    boolean,
    choice,
    null,
    object_identifier,
    sequence,
    sequence_of,
)

if TYPE_CHECKING:
    from voxgate.router.h323.reader import Type

_GATEKEEPER_REQUEST = sequence(
    {
        "requestSeqNum": REQUEST_NUMBER,
        "protocolIdentifier": object_identifier,
        "nonStandardData": Optional(NON_STANDARD),
        "rasAddress": TRANSPORT_ADDRESS,
        "endpointType": ENDPOINT_TYPE,
        "gatekeeperIdentifier": Optional(GATEKEEPER_IDENTIFIER),
        "callServices": Optional(QSERIES_OPTIONS),
        "endpointAlias": Optional(ALIASES),
    },
    last=True,
)
GATEKEEPER_REASONS: Final = (
    *("resourceUnavailable", "terminalExcluded", "invalidRevision", "undefinedReason"),
    # Extensions.
    *("securityDenial", "genericDataReason", "neededFeatureNotSupported", "securityError"),
)
_GATEKEEPER_REJECT_REASON = choice(
    tuple((name, null) for name in GATEKEEPER_REASONS[:4]),
    additions=tuple((name, None) for name in GATEKEEPER_REASONS[4:]),
)
#: An alternative gatekeeper makes a reject a redirect; which one it is, the endpoint alone needs to know.
_PRESENT: Type = lambda _: True  # noqa: E731 - a type that reads nothing
_REDIRECT = {0: ("altGKInfo", _PRESENT)}
_GATEKEEPER_REJECT = sequence(
    {
        "requestSeqNum": REQUEST_NUMBER,
        "protocolIdentifier": object_identifier,
        "nonStandardData": Optional(NON_STANDARD),
        "gatekeeperIdentifier": Optional(GATEKEEPER_IDENTIFIER),
        "rejectReason": _GATEKEEPER_REJECT_REASON,
    },
    wanted=_REDIRECT,
    last=True,
)
_REGISTRATION_REQUEST = sequence(
    {
        "requestSeqNum": REQUEST_NUMBER,
        "protocolIdentifier": object_identifier,
        "nonStandardData": Optional(NON_STANDARD),
        "discoveryComplete": boolean,
        "callSignalAddress": sequence_of(TRANSPORT_ADDRESS),
        "rasAddress": sequence_of(TRANSPORT_ADDRESS),
        "terminalType": ENDPOINT_TYPE,
        "terminalAlias": Optional(ALIASES),
        "gatekeeperIdentifier": Optional(GATEKEEPER_IDENTIFIER),
        "endpointVendor": VENDOR,
    },
    wanted={5: ("keepAlive", boolean)},
    last=True,
)
REGISTRATION_REASONS: Final = (
    *("discoveryRequired", "invalidRevision", "invalidCallSignalAddress", "invalidRASAddress", "duplicateAlias"),
    *("invalidTerminalType", "undefinedReason", "transportNotSupported"),
    # Extensions.
    *("transportQOSNotSupported", "resourceUnavailable", "invalidAlias", "securityDenial"),
    *("fullRegistrationRequired", "additiveRegistrationNotSupported", "invalidTerminalAliases"),
    *("genericDataReason", "neededFeatureNotSupported", "securityError", "registerWithAssignedGK"),
)
_REGISTRATION_REJECT_REASON = choice(
    tuple((name, ALIASES if name == "duplicateAlias" else null) for name in REGISTRATION_REASONS[:8]),
    additions=tuple((name, None) for name in REGISTRATION_REASONS[8:]),
)
_REGISTRATION_REJECT = sequence(
    {
        "requestSeqNum": REQUEST_NUMBER,
        "protocolIdentifier": object_identifier,
        "nonStandardData": Optional(NON_STANDARD),
        "rejectReason": _REGISTRATION_REJECT_REASON,
        "gatekeeperIdentifier": Optional(GATEKEEPER_IDENTIFIER),
    },
    wanted=_REDIRECT,
    last=True,
)

#: What the alternatives of RasMessage are called, in order; those with a type are read.
RAS_KINDS: Final = (
    *("GRQ", "GCF", "GRJ", "RRQ", "RCF", "RRJ", "URQ", "UCF", "URJ", "ARQ", "ACF", "ARJ", "BRQ", "BCF", "BRJ"),
    *("DRQ", "DCF", "DRJ", "LRQ", "LCF", "LRJ", "IRQ", "IRR", "NSM", "XRS"),
)
_RAS: Final = {
    "GRQ": _GATEKEEPER_REQUEST,
    "GRJ": _GATEKEEPER_REJECT,
    "RRQ": _REGISTRATION_REQUEST,
    "RRJ": _REGISTRATION_REJECT,
}
_NOTHING: Type = lambda _: {}  # noqa: E731 - the rest of a message that nobody asks for
RAS_MESSAGE: Final = choice(tuple((kind, _RAS.get(kind, _NOTHING)) for kind in RAS_KINDS))
