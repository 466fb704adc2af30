"""The callbacks for replies: how a reply is shaped, and what its SDP is to the request, are chosen apart.

tm takes the name of a callback and nothing else with it. So there is one for each pair: `SHAPES` by who sends the
reply and who gets it, `ENDINGS` by what `media.Media` has to do with its SDP.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from voxgate_sip.accounts import ACCOUNT, ACCOUNT_HIDDEN
from voxgate_sip.browsers import Browsers
from voxgate_sip.challenges import Challenges
from voxgate_sip.guise import ASKED
from voxgate_sip.inside import Inside
from voxgate_sip.media import AGAIN, Media
from voxgate_sip.message import GENERATION
from voxgate_sip.replies import AS_IS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate_sip.accounts import Accounts
    from voxgate_sip.guise import Guise
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.replies import Replies
    from voxgate_sip.vouching import Vouching

#: Has nothing that must be shaped; of a PBX; of a phone; of a PBX to a party it is hidden from; to a PBX that is hidden
#: from whoever sends it; and of a provider that was asked in another guise than the PBX's; of a provider to a PBX's
#: REGISTER.
SHAPES: Final = (
    AS_IS,
    "ksr_from_pbx",
    "ksr_from_phone",
    "ksr_from_hidden",
    "ksr_to_hidden",
    f"ksr_from_phone{ASKED}",
    f"ksr_to_hidden{ASKED}",
    ACCOUNT,
    ACCOUNT_HIDDEN,
)
#: Those of them that only PBXs' replies have.
OF_PBX: Final = frozenset({AS_IS, "ksr_from_hidden"})
ENDINGS: Final[Mapping[str, Callable[[Media], None] | None]] = {
    "": None,
    "_answer": Media.answer,
    "_noted_answer": Media.noted_answer,
    "_late_offer": Media.late_offer,
    f"{AGAIN}_answer": lambda media: media.again.answer(),
    f"{AGAIN}_noted_answer": lambda media: media.again.noted_answer(),
    f"{AGAIN}_late_offer": lambda media: media.again.late_offer(),
}


def shapes_of(replies: Replies, hider: Hider, guise: Guise, accounts: Accounts) -> Mapping[str, Callable[[], None]]:
    """What each of `SHAPES` does, but `AS_IS`."""
    return {
        "ksr_from_pbx": replies.from_pbx,
        "ksr_from_phone": replies.from_phone,
        "ksr_from_hidden": hider.reply_of_pbx,
        "ksr_to_hidden": hider.reply_to_pbx,
        f"ksr_from_phone{ASKED}": guise.taking_off(replies.from_phone),
        f"ksr_to_hidden{ASKED}": guise.taking_off(partial(hider.reply_to_pbx, named=True)),
        ACCOUNT: accounts.answered,
        ACCOUNT_HIDDEN: accounts.answered_hidden,
    }


class ReplyCallbacks:
    """Has a method `shape + ending` for each pair."""

    _shapes: Mapping[str, Callable[[], None]]
    _media: Media | None
    _challenges: Challenges | None

    def _bug(self) -> bool:
        """Log the current exception."""
        raise NotImplementedError

    def _shaped(self, shape: Callable[[], None]) -> int:
        try:
            shape()
        except Exception:  # noqa: BLE001 - an exception that leaves a callback surfaces in an unrelated later call
            self._bug()
        return 1

    def ksr_challenged(self, _msg: Any) -> int:
        """A transaction failed that nothing else is to be done about."""
        return self._challenged(Challenges.failed)

    def _challenged(self, look: Callable[[Challenges], None]) -> int:
        """Something was answered: perhaps credentials were refused."""
        challenges = self._challenges
        return self._shaped(lambda: look(challenges)) if challenges else 1


class BrowserCallbacks:
    """What happens to the connections of browsers."""

    _browsers: Browsers | None

    def _bug(self) -> bool:
        """Log the current exception."""
        raise NotImplementedError

    def ksr_xhttp_event(self, _msg: Any, _name: str) -> int:
        """An HTTP request."""
        return self._with_browsers(Browsers.handshake)

    def ksr_websocket_event(self, _msg: Any, _name: str) -> int:
        """A WebSocket was closed, or the connection below it was closed, reset, or timed out."""
        return self._with_browsers(Browsers.forget)

    ksr_tcp_event = ksr_websocket_event

    def _with_browsers(self, then: Callable[[Browsers], None]) -> int:
        try:
            if self._browsers:
                then(self._browsers)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1


class InsideCallbacks:
    """What happens to requests inside dialogs with providers that may challenge them."""

    _ksr: Ksr
    _inside: Inside | None

    def _bug(self) -> bool:
        """Log the current exception."""
        raise NotImplementedError

    def _refresh(self, seen: str) -> None:
        """Read the policy of that generation, where it is another one."""
        raise NotImplementedError

    def ksr_inside_branch(self, _msg: Any) -> int:
        """Such a request is about to leave."""
        return self._with_inside(Inside.branch)

    def ksr_inside_failure(self, _msg: Any) -> int:
        """Such a request failed; the reply has not gone back yet. This worker may have had no request for long."""
        self._refresh(str(self._ksr.pv.get(GENERATION)))
        return self._with_inside(Inside.failed)

    def ksr_own_bye(self, _msg: Any) -> int:
        """A BYE of the edge's own to a provider was answered. This worker may have had no request for long."""
        self._refresh(str(self._ksr.pv.get(GENERATION)))
        return self._with_inside(Inside.own_answered)

    def _with_inside(self, then: Callable[[Inside], None]) -> int:
        try:
            if self._inside:
                then(self._inside)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1


class VouchingCallbacks:
    """What happens to connections to providers."""

    _ksr: Ksr
    _vouching: Vouching

    def _bug(self) -> bool:
        """Log the current exception."""
        raise NotImplementedError

    def _refresh(self, seen: str) -> None:
        """Read the policy of that generation, where it is another one."""
        raise NotImplementedError

    def ksr_vouched(self, _msg: Any) -> int:
        """An OPTIONS of the edge's own was answered. This worker may have had no request for long."""
        try:
            self._refresh(str(self._ksr.pv.get(GENERATION)))
            self._vouching.answered()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1


def _callback(shape: str, media: Callable[[Media], None] | None) -> Callable[[ReplyCallbacks, Any], int]:
    if media is Media.answer and shape in OF_PBX:
        media = Media.pbx_answer

    def callback(self: ReplyCallbacks, _msg: Any) -> int:
        try:
            self._shapes[shape]()
            if media and self._media:
                media(self._media)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback surfaces in an unrelated later call
            self._bug()
        return 1

    def media_alone(self: ReplyCallbacks, _msg: Any) -> int:
        try:
            if media and self._media:
                media(self._media)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    return media_alone if shape == AS_IS else callback


for _shape in SHAPES:
    for _ending, _step in ENDINGS.items():
        setattr(ReplyCallbacks, _shape + _ending, _callback(_shape, _step))
