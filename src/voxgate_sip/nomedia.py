"""Why a request must not go on for the sake of its media, and what it is answered."""

from __future__ import annotations

from typing import Final

#: RFC 3261 section 21.4.26.
NOT_ACCEPTABLE: Final = 488


class MediaError(Exception):
    """A request must not go on for the sake of its media; the argument is the reason that is counted and logged."""

    answer: tuple[int, str] = (500, "Server Internal Error")


class NotAcceptableError(MediaError):
    """An offer is against a party's policy."""

    answer = (NOT_ACCEPTABLE, "Not Acceptable Here")


class NoRelayError(MediaError):
    """rtpengine does not serve."""

    answer = (503, "Media Relay Unavailable")
