"""The media side of a call: offers and answers over one RTP stream (RFC 3264)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lab.peers import sdp
from lab.peers.sdp import Audio, Direction, SdpError

if TYPE_CHECKING:
    from lab.peers.rtp import Stream
    from lab.peers.secrecy import Secrecy

DTMF = 101
"""The payload type under which we offer DTMF."""


@dataclass(slots=True)
class Voice:
    """SDP is written with the address the stream is bound to, private or not, as a phone behind NAT does."""

    stream: Stream
    secrecy: Secrecy | None = None
    theirs: Audio | None = None
    _session: int = field(default_factory=lambda: random.randrange(1, 1 << 31))
    _version: int = 0

    def offer(self, direction: Direction = Direction.BOTH) -> bytes:
        """A new offer."""
        self._version += 1
        host, port = self.stream.local
        ours = Audio(host, port, self.stream.law, direction, events=DTMF)
        if self.secrecy is None:
            return sdp.write(ours, self._session, self._version, self._rtcp())
        ours = replace(ours, profile=self.secrecy.profile)
        return sdp.write(ours, self._session, self._version, (*self.secrecy.lines(answer=False), *self._rtcp()))

    def fax(self) -> bytes:
        """An offer of, or an answer to, T.38 on the same port."""
        self._version += 1
        return sdp.write_fax(*self.stream.local, self._session, self._version)

    def take(self, body: bytes) -> Audio:
        """Send to where their SDP says, in their first law. Raises SdpError.

        Another address family than ours is an error; so is SRTP where there is no `secrecy`, and anything else where
        there is: an edge must know that.
        """
        fax = sdp.read_fax(body)
        if fax is not None:
            self.stream.remote, self.stream.fax = fax, True
            return Audio(*fax, self.stream.law)
        audio = sdp.read(body)
        if (":" in audio.host) != (":" in self.stream.local[0]):
            raise SdpError(f"the SDP shows {audio.host}, we are {self.stream.local[0]}")
        if self.secrecy is None and audio.profile not in ("RTP/AVP", "RTP/AVPF"):
            raise SdpError(f"profile {audio.profile}")
        self.stream.remote = (audio.host, audio.port) if audio.port else None
        self.stream.law, self.stream.events, self.stream.fax = audio.law, audio.events, False
        self.stream.sending = audio.direction in (Direction.BOTH, Direction.RECEIVE)
        if self.secrecy is not None:
            # The stream knows its way by now: a handshake begins at once.
            self.secrecy.take(body, audio.profile)
        self.theirs = audio
        return audio

    def answer(self, offer: bytes) -> bytes:
        """Take their offer and write the answer. Raises SdpError."""
        theirs = self.take(offer)
        if self.stream.fax:
            return self.fax()
        self._version += 1
        host, port = self.stream.local
        ours = replace(theirs, host=host, port=port, direction=theirs.direction.answered())
        more = self.secrecy.lines(answer=True) if self.secrecy else ()
        return sdp.write(ours, self._session, self._version, (*more, *self._rtcp()))

    def _rtcp(self) -> tuple[str, ...]:
        """The port of our reports (RFC 3605)."""
        return (f"a=rtcp:{self.stream.reports.port}",) if self.stream.reports else ()
