"""Rules: who heard what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.calls.autopsy.case import is_private
from voxgate.calls.autopsy.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.calls.autopsy.case import Case
    from voxgate.calls.cdr.sdp import Description
    from voxgate.calls.cdr.value import Cdr, Stream

#: Packets are sent every 20 ms: a side that has sent less in a call of this length has sent nothing.
_FEW: Final = 5
_SHORTEST_S: Final = 2.0
_PROVEN: Final = 88
#: Above these, people complain (ITU-T G.107 and G.114 in round numbers).
_LOSS_PERCENT: Final = 3
_JITTER_MS: Final = 60
_MOS: Final = 3.5


def one_way(case: Case) -> Finding | None:
    """One side sent, the other one did not."""
    cdr = _talked(case)
    if cdr is None:
        return None
    caller, callee = cdr.from_caller.packets, cdr.from_callee.packets
    if (caller > _FEW) == (callee > _FEW):
        return None
    mute, said = ("callee", case.answer()) if caller > _FEW else ("caller", case.offer())
    other = "caller" if mute == "callee" else "callee"
    sent = max(caller, callee)
    where = cdr.callee_address if mute == "callee" else cdr.source
    why, cure = _why_mute(said, mute, where)
    return Finding(
        "one-way-audio",
        _PROVEN,
        f"One-way audio: the edge got {sent} packets from the {other} and {min(caller, callee)} from the {mute} "
        f"({where}), so the {other} heard nothing. {why}",
        cure,
    )


def no_audio(case: Case) -> Finding | None:
    """Nobody sent."""
    cdr = _talked(case)
    if cdr is None or max(cdr.from_caller.packets, cdr.from_callee.packets) > _FEW:
        return None
    return Finding(
        "no-audio",
        _PROVEN,
        "No audio at all: the edge got packets from neither side.",
        "When this holds for every call, packets do not reach the edge's media ports: open `media.ports` (UDP) in the "
        "firewall and the NAT router, and check `edge.public_address`, which parties are told to send to.",
    )


def timed_out(case: Case) -> Finding | None:
    """The edge ended a call in which nothing came any more."""
    cdr = case.cdr
    if cdr is None or cdr.reason not in {"no-media", "media-lost"}:
        return None
    if cdr.reason == "media-lost":
        return Finding(
            "media-lost",
            70,
            "The end of the call was never seen: rtpengine knew nothing of it any more, because the BYE was lost or "
            "because rtpengine itself was started anew.",
            "Look in the log whether rtpengine was restarted at that time.",
        )
    heard = cdr.from_caller.packets + cdr.from_callee.packets
    before = "after audio had come from both sides" if _both(cdr) else f"after {heard} packets in all"
    return Finding(
        "media-timeout",
        92,
        f"The edge ended the call, because no audio came from either side for `media.timeout_seconds`, {before}.",
        "A phone lost its network, or both sides fell silent without sending anything (hold, or suppression of "
        "silence): then raise `media.timeout_seconds`.",
    )


def srtp_mismatch(case: Case) -> Finding | None:
    """Keys that were offered and not answered, or the other way round."""
    cdr = case.cdr
    offered, answered = case.offer(), case.answer()
    if cdr is None or not cdr.answer or not answered.encryption or not offered.encryption:
        return None
    sent = next((one for one in case.requests("INVITE") if not case.came_in(one)), None)
    if sent is None or answered.refused:
        return None
    outgoing = "none" if "RTP/AVP" in sent.body else "encrypted"
    if (outgoing == "none") == (answered.encryption == "none"):
        return None
    return Finding(
        "srtp-mismatch",
        _PROVEN,
        f"Encryption does not match: the callee was offered {outgoing} audio and answered with {answered.encryption}.",
        "Its answer is against RFC 3264. Set `srtp` of that PBX or trunk to what it really does, or update it.",
    )


def refused_stream(case: Case) -> Finding | None:
    """Port 0 in the answer."""
    if case.cdr is None or not case.cdr.answer or not case.answer().refused:
        return None
    offered = ", ".join(case.cdr.codecs_offered) or "nothing"
    return Finding(
        "audio-refused",
        _PROVEN,
        f"The callee answered the call and refused its audio (port 0); offered were {offered}.",
        "Allow a codec on either side that the other one has.",
    )


def bad_quality(case: Case) -> Finding | None:
    """Loss, jitter, MOS."""
    cdr = case.cdr
    if cdr is None or not cdr.answer:
        return None
    ways = (("caller", "callee", cdr.from_caller), ("callee", "caller", cdr.from_callee))
    poor = [(who, other, stream, said) for who, other, stream in ways if (said := _poor(stream))]
    if not poor:
        return None
    causes = [
        f"What the {who} sent {_received(stream, other)}: {said}. {_place(stream, who, other)}"
        for who, other, stream, said in poor
    ]
    return Finding(
        "bad-quality",
        50,
        " ".join(causes),
        "Look there for a full line, WLAN, or a router that does not put voice first (`media.dscp` is what the edge "
        "marks it with).",
    )


def _talked(case: Case) -> Cdr | None:
    """The record of a call in which somebody could have been heard."""
    cdr = case.cdr
    good = cdr and cdr.answer and cdr.end and cdr.billable_s >= _SHORTEST_S and not case.answer().refused
    return cdr if good and cdr and cdr.reason not in {"edge-restarted", "media-lost"} else None


def _why_mute(said: Description, mute: str, where: str) -> tuple[str, str]:
    firewall = "Open `media.ports` (UDP) towards the edge's address in whatever stands between."
    if said.direction in {"recvonly", "inactive"}:
        return (
            (
                f"The {mute} itself said that it would send nothing (a={said.direction}): it is on "
                f"hold, or its microphone is off."
            ),
            f"Take the {mute} off hold; look at its audio settings.",
        )
    if said.port == 0 and said.codecs:
        return f"The {mute} refused the audio stream.", "Allow a codec that both sides have."
    if said.address and is_private(said.address) and not is_private(where):
        return (
            (
                f"It stands behind NAT ({said.address} in its SDP). The edge sends to wherever "
                f"its packets come from, but "
                "none has come."
            ),
            f"{firewall} Switch off SIP ALG in the NAT router.",
        )
    return f"Nothing from the {mute} reached the edge.", f"{firewall} Check the {mute}'s microphone and its network."


def _poor(stream: Stream) -> str:
    words = []
    if stream.lost_percent is not None and stream.lost_percent >= _LOSS_PERCENT:
        words.append(f"{stream.lost_percent:g} % lost")
    if stream.jitter_ms is not None and stream.jitter_ms >= _JITTER_MS:
        words.append(f"{stream.jitter_ms:g} ms jitter")
    if stream.mos is not None and stream.mos < _MOS:
        words.append(f"MOS {stream.mos:.1f}")
    return ", ".join(words)


def _received(stream: Stream, other: str) -> str:
    if stream.measured == "edge":
        return f"came to the edge badly (the {other} reports nothing)"
    return f"was received badly by the {other}"


def _place(stream: Stream, who: str, other: str) -> str:
    """Where it is lost, as far as the sender's own count says."""
    before, lost = stream.lost_before_percent, stream.lost_percent or 0.0
    if before is None or lost < _LOSS_PERCENT:
        return f"Packets are lost or late between the {who} and the edge, or between the edge and the {other}."
    if before >= lost / 2:
        return f"They are lost between the {who} and the edge, where {before:g} % never arrived."
    return f"They are lost between the edge and the {other}: what the {who} sent came to the edge whole."


def _both(cdr: Cdr) -> bool:
    return min(cdr.from_caller.packets, cdr.from_callee.packets) > _FEW


RULES: Final[tuple[Callable[[Case], Finding | None], ...]] = (
    *(timed_out, one_way, no_audio, srtp_mismatch, refused_stream, bad_quality),
)
