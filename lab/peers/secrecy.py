"""How a peer encrypts its audio, as its SDP says: keys in SDP, or DTLS. It never talks in clear."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lab.peers.dtls import Dtls, fingerprint_of, is_dtls
from lab.peers.sdp import SdpError
from lab.peers.srtp import KEY_BYTES, SALT_BYTES, Srtp, SrtpError, key_of, line_of

if TYPE_CHECKING:
    from lab.peers.rtp import Stream

AGAIN_EVERY = 25
"""Packets that are due, 20 ms each, between two repetitions of what a handshake has lost."""


class Secrecy(Protocol):
    """One call's. `profile` stands in our m= line; packets are None when nothing can be sent or was understood."""

    @property
    def profile(self) -> str:
        """As offered."""

    def lines(self, *, answer: bool) -> tuple[str, ...]:
        """What SDP says of it."""

    def take(self, body: bytes, profile: str) -> None:
        """What theirs says. Raises SdpError when it is in clear, or none of ours."""

    def sending(self, packet: bytes) -> bytes | None:
        """An RTP packet as it is sent."""

    def receiving(self, data: bytes) -> bytes | None:
        """A datagram as an RTP packet."""


@dataclass(slots=True)
class Sdes:
    """Keys in SDP (RFC 4568)."""

    profile: str = "RTP/SAVP"
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES + SALT_BYTES))
    _tag: str = "1"
    _ours: Srtp | None = None
    _theirs: Srtp | None = None

    def lines(self, *, answer: bool) -> tuple[str, ...]:
        """Our key, under the tag that they gave it in an offer."""
        return (line_of(self._tag if answer else "1", self._key),)

    def take(self, body: bytes, profile: str) -> None:
        """Their key. Raises SdpError."""
        found = key_of(body)
        if found is None or profile not in ("RTP/SAVP", "RTP/SAVPF"):
            raise SdpError(f"profile {profile} {'without' if found is None else 'with'} a key")
        self._tag, key = found
        self._ours = self._ours or Srtp(self._key)
        if self._theirs is None or self._theirs.key != key:
            self._theirs = Srtp(key)

    def sending(self, packet: bytes) -> bytes | None:
        """Encrypted."""
        return self._ours.protect(packet) if self._ours else None

    def receiving(self, data: bytes) -> bytes | None:
        """Decrypted; what is not theirs is nothing."""
        with suppress(SrtpError):
            return self._theirs.unprotect(data) if self._theirs else None
        return None


@dataclass(slots=True)
class Handshake:
    """DTLS-SRTP (RFC 5764), always as the active side."""

    dtls: Dtls
    profile: str = "UDP/TLS/RTP/SAVP"
    _due: int = 0

    def lines(self, *, answer: bool) -> tuple[str, ...]:
        """Our fingerprint, and who begins."""
        return (
            f"a=fingerprint:sha-256 {self.dtls.fingerprint}",
            "a=setup:active" if answer else "a=setup:actpass",
            "a=rtcp-mux",
        )

    def take(self, body: bytes, profile: str) -> None:
        """Their fingerprint. Raises SdpError."""
        theirs = fingerprint_of(body)
        if theirs is None or not profile.startswith("UDP/TLS/RTP/SAVP") or b"a=setup:active" in body:
            raise SdpError(f"profile {profile}, fingerprint {theirs}")
        if self.dtls.expected not in ("", theirs):
            raise SdpError("another fingerprint in the middle of a call")
        self.dtls.start(theirs)

    def sending(self, packet: bytes) -> bytes | None:
        """Encrypted as soon as there are keys."""
        if self.dtls.keys is not None:
            return self.dtls.keys[0].protect(packet)
        self._due += 1
        if self._due % AGAIN_EVERY == 0:
            self.dtls.again()
        return None

    def receiving(self, data: bytes) -> bytes | None:
        """Decrypted; datagrams of the handshake are for it."""
        with suppress(SrtpError):
            if is_dtls(data):
                self.dtls.received(data)
            elif self.dtls.keys is not None:
                return self.dtls.keys[1].unprotect(data)
        return None


def secrecy_of(kind: str, stream: Stream) -> Secrecy | None:
    """What a phone that insists on `sdes` or `dtls` does with its stream; anything else is in clear."""
    if kind == "sdes":
        return Sdes()
    return Handshake(Dtls(stream.say)) if kind == "dtls" else None
