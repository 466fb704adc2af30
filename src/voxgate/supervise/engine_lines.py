"""Lines that engines write, parsed; and any text made harmless for a log. Pure.

Engines quote what strangers send them. Nothing of it may end a line, move a cursor or change a terminal's
colours, and nobody may look like another engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_TEXT = 2048  # characters of one message in the log
LEVELS = ("debug", "info", "warning", "error", "critical")

# Kamailio, core/dprint.h: DBG INFO NOTICE WARNING ERROR CRITICAL ALERT BUG; `-E` writes " 0(1234) LEVEL: ...".
_KAMAILIO = re.compile(
    r"\s*(?:\d+\(\d+\) )?(?P<level>DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|BUG|EMERGENCY): (?P<rest>.*)",
    re.DOTALL,
)
_KAMAILIO_PLACE = re.compile(
    r"(?P<prefix>.*?)(?P<module><?\w+>?) \[(?P<file>[^\]\s]+:\d+)\]: (?P<message>.*)", re.DOTALL
)
# rtpengine, lib/loglib.c: "[seconds.micros] LEVEL: [call-id]: [subsystem] text", the first part with --log-stderr.
_RTPENGINE = re.compile(
    r"(?:\[\d+\.\d+\] )?(?P<level>DEBUG|INFO|NOTICE|WARNING|WARN|ERR|CRIT|ALERT|EMERG): (?P<rest>.*)", re.DOTALL
)
_RTPENGINE_PLACE = re.compile(r"(?P<prefix>(?:\[.{1,256}?\]: )?)\[(?P<module>\w+)\] (?P<message>.*)", re.DOTALL)
# HAProxy, src/errors.c: "[NOTICE]   (1234) : text".
_HAPROXY = re.compile(r"\[(?P<level>NOTICE|WARNING|ALERT)\]\s+(?:\(\d+\) : )?(?P<rest>.*)", re.DOTALL)
_HAPROXY_PLACE = re.compile(r"(?P<module>config|haproxy) : (?P<prefix>)(?P<message>.*)", re.DOTALL)
# coturn, src/apps/common/ns_turn_utils.c: "seconds: : LEVEL: text", without a level for information.
_COTURN = re.compile(r"\d+: ?: (?:(?P<level>ERROR|WARNING|DEBUG): )?(?P<rest>.*)", re.DOTALL)
_COTURN_PLACE = re.compile(r"(?!)(?P<prefix>)(?P<module>)(?P<message>)")
_FORMS = {
    "rtpengine": (_RTPENGINE, _RTPENGINE_PLACE),
    "haproxy": (_HAPROXY, _HAPROXY_PLACE),
    "coturn": (_COTURN, _COTURN_PLACE),
    "coturn-rest": (_COTURN, _COTURN_PLACE),
}

_LEVEL = {
    "DEBUG": "debug",
    "INFO": "info",
    "NOTICE": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "ERR": "error",
    "ERROR": "error",
    "CRIT": "critical",
    "CRITICAL": "critical",
    "ALERT": "critical",
    "BUG": "critical",
    "EMERG": "critical",
    "EMERGENCY": "critical",
}


@dataclass(frozen=True, slots=True)
class EngineLine:
    """One line: `level` of LEVELS, the engine's `module` and `place` (file:line) where it says so, the text."""

    level: str
    message: str
    module: str = ""
    place: str = ""


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return printable ASCII and letters of other scripts as they are, everything else escaped; bounded.

    A backslash is escaped as well, so that an escape cannot be forged.
    """
    if text.isascii() and text.isprintable() and "\\" not in text and len(text) <= longest:
        return text
    parts = []
    room = longest
    for character in text:
        part = character if _is_harmless(character) else _escaped(character)
        room -= len(part)
        if room < 0:
            parts.append("...")
            break
        parts.append(part)
    return "".join(parts)


def _is_harmless(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and character != "\\"
    return character.isalpha()


def _escaped(character: str) -> str:
    # A byte that was no UTF-8 is a surrogate here (PEP 383); its last two digits are the byte.
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number & 0xFF:02x}"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def decode(raw: bytes) -> str:
    """Return the text of a line; bytes that are no UTF-8 become surrogates, which `clean` shows as `\\xNN`."""
    return raw.decode("utf-8", "surrogateescape")


def parse(engine: str, raw: bytes) -> EngineLine:
    """Return one line of an engine, harmless. What does not look like its log is information."""
    text = decode(raw).rstrip()
    line, place = _FORMS.get(engine, (_KAMAILIO, _KAMAILIO_PLACE))
    found = line.fullmatch(text)
    if found is None:
        return EngineLine("info", clean(text))
    level = _LEVEL.get(found["level"], "info")
    inner = place.fullmatch(found["rest"])
    if inner is None:
        return EngineLine(level, clean(found["rest"]))
    where = inner.groupdict().get("file") or ""
    message = clean(inner["prefix"] + inner["message"])
    return EngineLine(level, message, clean(inner["module"].strip("<>"), 64), clean(where, 128))
