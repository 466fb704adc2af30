"""What is wrong with the audio of the test call and of the media relay, from what was heard. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.doctor.finding import Finding, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.doctor.facts import Facts, TestCall

ERROR, WARNING = Grade.ERROR, Grade.WARNING
#: G.711 conceals so much.
_LOSS: Final = 0.02
_CURES: Final = {
    0: "see whether the PBX answers at all (voxgate status), and whether somebody takes calls there at once",
    401: "set doctor.call.user and doctor.call.password to an extension of the PBX",
    403: "allow this edge on the PBX: voxgate pbx-config; or see who may call that extension",
    404: "correct doctor.call.to: the PBX does not know it, or no PBX has its domain",
    407: "set doctor.call.user and doctor.call.password to an extension of the PBX",
    480: "call an extension that answers at once, as an echo test does",
    486: "call an extension that answers at once, as an echo test does",
    488: "allow G.711 A-law (PCMA) for the extension on the PBX",
    503: "see whether the PBX answers, and whether rtpengine runs: voxgate status",
}


def audio_findings(facts: Facts) -> Iterator[Finding]:
    """All of them."""
    for one in facts.relays:
        if one.error:
            yield Finding(
                "relay-silent",
                ERROR,
                f"{one.purpose} at {one.where} does not pass: {one.error}",
                "calls have no sound, or in one direction alone",
                "see whether rtpengine runs (voxgate status), and whether this machine's packet filter lets "
                "media.ports through: voxgate firewall",
            )
    if facts.call:
        yield from _call(facts.call, facts)


def _call(call: TestCall, facts: Facts) -> Iterator[Finding]:
    who = f"a test call to {call.callee}"
    first, last = facts.edge.media
    if not 200 <= call.code < 300:
        said = f"is answered with {call.code} {call.error}".rstrip() if call.code else f"fails: {call.error}"
        cure = _CURES.get(call.code, "voxgate explain doctor tells where it ended; see the PBX's own log")
        yield Finding("call-failed", ERROR, f"{who} {said}", "calls of phones may fail the same way", cure)
    elif not call.packets:
        yield Finding(
            "call-silent",
            ERROR,
            f"{who} is answered, but there is no sound from there",
            "phones hear nothing",
            f"let UDP {first}-{last} of {facts.edge.inside_address} through between the PBX and this edge, both ways "
            "(voxgate firewall --pbx NAME), and see that the PBX shows its own address in SDP",
        )
    elif call.wants_echo and not call.echoes:
        yield Finding(
            "call-one-way",
            ERROR,
            f"{who} is heard from there, but what is said here does not come back",
            "the other side hears nothing",
            f"let UDP from {facts.edge.inside_address} to the PBX's media ports through; where nobody echoes there: "
            "doctor.call.echo: false",
        )
    elif call.lost > _LOSS:
        yield Finding(
            "call-loss",
            WARNING,
            f"{who} lost {call.lost:.0%} of its packets",
            "speech is broken",
            "see whether the network to the PBX or a processor is overloaded; give voice priority: media.dscp",
        )
