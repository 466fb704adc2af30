"""What the edge itself answers: GRJ and RRJ in the tunnel of H.460.17, and ReleaseComplete. Pure.

Three messages of fixed form, written by hand in aligned PER (X.691) by the ASN.1 of H.225.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.router.h323 import q931, tpkt

if TYPE_CHECKING:
    from voxgate.router.h323.messages import Message, Ras

#: itu-t(0) recommendation(0) h(8) 2250 version(0) 4, with its length: what every endpoint knows.
_PROTOCOL: Final = bytes.fromhex("060008914a0004")
_EXTENSION: Final = 0x80
_ROOT_REASONS: Final = 8
#: The flag of a call reference: set in what comes from the side that did not begin the call.
_FLAG: Final = 0x80


@dataclass(frozen=True, slots=True)
class Refusal:
    """One cause, as each of the three messages says it: indices in its CHOICE, from 0x80 on among the extensions."""

    gatekeeper: int
    registration: int
    release: int

    @property
    def status(self) -> int:
        """The reason's place in the list of RegistrationReject."""
        index = self.registration & ~_EXTENSION
        return index + _ROOT_REASONS if self.registration & _EXTENSION else index


#: terminalExcluded, undefinedReason, unreachableDestination.
UNKNOWN_NAME: Final = Refusal(1, 6, 2)
#: terminalExcluded, undefinedReason, badFormatAddress: for which of the PBXs it is, it does not say.
NO_NAME: Final = Refusal(1, 6, 8)
#: terminalExcluded, discoveryRequired, noPermission: a connection of its own may have what this one may not.
OTHER_CONNECTION: Final = Refusal(1, 0, 5)
#: securityDenial, securityDenial, noPermission.
NETWORK_NOT_ALLOWED: Final = Refusal(0x80, 0x83, 5)
#: resourceUnavailable, resourceUnavailable, unreachableDestination.
NO_ANSWER: Final = Refusal(0, 0x81, 2)


def refusal(message: Message, why: Refusal) -> bytes:
    """The answer to `message`: a reject for each request in it; empty when it asks for nothing."""
    if message.call is not None:
        release = _release_complete(message.call.identifier, why.release)
        flag = bytes((message.call_reference[0] ^ _FLAG,)) if message.call_reference else b""
        return tpkt.framed(q931.build(q931.RELEASE_COMPLETE, flag + message.call_reference[1:], release))
    rejects = [_reject(ras, why) for ras in message.ras if ras.kind in {"GRQ", "RRQ"}]
    return tpkt.framed(q931.build(q931.FACILITY, message.call_reference, tunnelled(rejects))) if rejects else b""


def tunnelled(ras: list[bytes]) -> bytes:
    """H323-UserInformation with an empty body, h245Tunnelling, and generic data of feature 17."""
    parameters = b"".join(b"\x40\x00\x01\x00" + _length(len(one)) + one for one in ras)
    generic = b"\x01\x40\x00\x11" + (len(ras) - 1).to_bytes(2, "big") + parameters
    return bytes.fromhex("281001001081 0180") + _length(len(generic)) + generic


def _reject(request: Ras, why: Refusal) -> bytes:
    number = (request.number - 1).to_bytes(2, "big")
    if request.kind == "GRQ":
        return b"\x08\x00" + number + _PROTOCOL + _reason(why.gatekeeper, 5)
    return b"\x14\x00" + number + _PROTOCOL + _reason(why.registration, 4)


def _reason(index: int, shift: int) -> bytes:
    """An alternative of NULL: in an open type when it is an extension."""
    return bytes((index, 1, 0)) if index & _EXTENSION else bytes((index << shift,))


def _release_complete(call_identifier: bytes, reason: int) -> bytes:
    no_tunnelling = bytes.fromhex("10800100")
    if not call_identifier:
        return b"\x25\x40" + _PROTOCOL + bytes((reason << 3,)) + no_tunnelling
    # The reason, then one extension addition, an open type of seventeen octets: the call identifier.
    additions = (reason << 11 | 1 << 3).to_bytes(2, "big") + b"\x11\x00" + call_identifier
    return b"\x25\xc0" + _PROTOCOL + additions + no_tunnelling


def _length(octets: int) -> bytes:
    return bytes((octets,)) if octets < 0x80 else (0x8000 | octets).to_bytes(2, "big")
