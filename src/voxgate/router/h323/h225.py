"""Types of H.225.0 (version 7) that several of its messages have, to be read or to be passed over. Values only.

Names are those of the standard's H323-MESSAGES module. A component that nobody asks for stands here only because what
comes after it does.
"""

from __future__ import annotations

from voxgate.router.h323.per import (
    Optional,
    alphabet_string,
    bmp_string,
    boolean,
    choice,
    ia5_string,
    integer,
    null,
    object_identifier,
    octet_string,
    sequence,
    sequence_of,
)

_H221 = sequence({"t35CountryCode": integer(0, 255), "t35Extension": integer(0, 255), "vendor": integer(0, 65535)})
NON_STANDARD = sequence(
    {
        "nonStandardIdentifier": choice((("object", object_identifier), ("h221NonStandard", _H221))),
        "data": octet_string(),
    },
    extensible=False,
)
_ONLY_NON_STANDARD = sequence({"nonStandardData": Optional(NON_STANDARD)})
REQUEST_NUMBER = integer(1, 65535)
GATEKEEPER_IDENTIFIER = bmp_string(1, 128)

_IP4 = octet_string(4, 4)
_PORT = integer(0, 65535)
TRANSPORT_ADDRESS = choice(
    (
        ("ipAddress", sequence({"ip": _IP4, "port": _PORT}, extensible=False)),
        (
            "ipSourceRoute",
            sequence(
                {
                    "ip": _IP4,
                    "port": _PORT,
                    "route": sequence_of(_IP4),
                    "routing": choice((("strict", null), ("loose", null))),
                }
            ),
        ),
        (
            "ipxAddress",
            sequence(
                {"node": octet_string(6, 6), "netnum": octet_string(4, 4), "port": octet_string(2, 2)},
                extensible=False,
            ),
        ),
        ("ip6Address", sequence({"ip": octet_string(16, 16), "port": _PORT})),
        ("netBios", octet_string(16, 16)),
        ("nsap", octet_string(1, 20)),
        ("nonStandardAddress", NON_STANDARD),
    )
)

_URL = ia5_string(1, 512)
ALIAS_ADDRESS = choice(
    (("dialledDigits", alphabet_string("0123456789#*,", 1, 128)), ("h323-ID", bmp_string(1, 256))),
    additions=(
        ("url-ID", _URL),
        ("transportID", None),
        ("email-ID", _URL),
        ("partyNumber", None),
        ("mobileUIM", None),
        ("isupNumber", None),
    ),
)
ALIASES = sequence_of(ALIAS_ADDRESS)

VENDOR = sequence(
    {
        "vendor": _H221,
        "productId": Optional(octet_string(1, 256)),
        "versionId": Optional(octet_string(1, 256)),
    }
)
_CAPABILITIES = sequence({"nonStandardData": Optional(NON_STANDARD)})
_SUPPORTED_PROTOCOLS = choice(
    (
        ("nonStandardData", NON_STANDARD),
        *((name, _CAPABILITIES) for name in ("h310", "h320", "h321", "h322", "h323", "h324", "voice", "t120-only")),
    )
)
_GATEWAY = sequence(
    {"protocol": Optional(sequence_of(_SUPPORTED_PROTOCOLS)), "nonStandardData": Optional(NON_STANDARD)}
)
ENDPOINT_TYPE = sequence(
    {
        "nonStandardData": Optional(NON_STANDARD),
        "vendor": Optional(VENDOR),
        "gatekeeper": Optional(_ONLY_NON_STANDARD),
        "gateway": Optional(_GATEWAY),
        "mcu": Optional(_ONLY_NON_STANDARD),
        "terminal": Optional(_ONLY_NON_STANDARD),
        "mc": boolean,
        "undefinedNode": boolean,
    }
)
_Q954 = sequence({"conferenceCalling": boolean, "threePartyService": boolean})
QSERIES_OPTIONS = sequence(
    {
        **{f"q{number}Full": boolean for number in (932, 951, 952, 953, 955, 956, 957)},
        "q954Info": _Q954,
    }
)
