"""What nobody may read in a trace: answers to challenges, keys of media, what people type. Pure."""

from __future__ import annotations

import re
from typing import Final

_HIDDEN: Final = rb"\g<1>***"
_LINES: Final = (
    # RFC 8760: what proves a password; a Basic header is the password.
    (re.compile(rb"(?im)(^(?:proxy-)?authorization:[ \t]*(?:basic|bearer)[ \t]+)[^\r\n]+"), _HIDDEN),
    (re.compile(rb'(?i)(\b(?:response|cnonce|rspauth)[ \t]*=[ \t]*)(?:"[^"\r\n]*"|[^,\s]+)'), rb'\g<1>"***"'),
    # RFC 4568, 3830, 8839, 4566: keys of SRTP, ICE passwords.
    (re.compile(rb"(?i)(inline:)[^\s|;\"]+"), _HIDDEN),
    (re.compile(rb"(?im)(^a=(?:key-mgmt|ice-pwd):)[^\r\n]+"), _HIDDEN),
    (re.compile(rb"(?im)(^k=)[^\r\n]+"), _HIDDEN),
    # Digits that are typed are codes as often as not.
    (re.compile(rb"(?im)(^signal[ \t]*=[ \t]*)[^\r\n]+"), _HIDDEN),
    (re.compile(rb"(?i)([;?&](?:password|pwd|token|secret)=)[^\s;&>\"]+"), _HIDDEN),
)
_DTMF: Final = re.compile(rb"(?im)^content-type:[ \t]*application/dtmf[ \t]*\r?$")


def masked(message: bytes) -> bytes:
    """The same message without its secrets; texts that people send each other are left out as well."""
    head, apart, body = message.partition(b"\r\n\r\n")
    for pattern, instead in _LINES:
        head, body = pattern.sub(instead, head), pattern.sub(instead, body)
    if body and (head.startswith(b"MESSAGE ") or _DTMF.search(head)):
        body = b"(%d bytes)" % len(body)
    return head + apart + body
