"""What a media description says of codecs and encryption. Pure; complains of nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: Payload types without a=rtpmap (RFC 3551 section 6).
_STATIC: Final = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "15": "G728", "18": "G729"}
#: Formats that carry no voice.
_NO_VOICE: Final = frozenset({"TELEPHONE-EVENT", "CN", "RED", "ULPFEC", "RTX"})
_MOST_CODECS: Final = 32
_CODEC: Final = re.compile(r"[A-Za-z0-9.+_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Description:
    """`codecs` of the first audio stream that is not refused; `encryption` none, sdes, dtls, or empty without audio."""

    codecs: tuple[str, ...] = ()
    encryption: str = ""
    address: str = ""
    port: int = 0
    direction: str = "sendrecv"
    refused: bool = False


def described(sdp: str) -> Description:
    """What `sdp` says; nothing where it is no SDP."""
    lines = sdp.replace("\r", "").split("\n")
    address = _address(next((line for line in lines if line.startswith("c=")), ""))
    heads = [index for index, line in enumerate(lines) if line.startswith("m=")]
    audio = next((index for index in heads if lines[index].startswith("m=audio ")), None)
    if audio is None:
        return Description()
    until = next((index for index in heads if index > audio), len(lines))
    media, common = lines[audio + 1 : until], lines[: heads[0]]
    words = lines[audio].split()
    if len(words) < 4 or not words[1].partition("/")[0].isdecimal():
        return Description()
    port = int(words[1].partition("/")[0])
    names = dict(_STATIC)
    for line in media:
        if line.startswith("a=rtpmap:"):
            number, _, rest = line[9:].partition(" ")
            name = rest.partition("/")[0].strip()
            if _CODEC.fullmatch(name):
                names[number.strip()] = name
    codecs = [names.get(number, "") for number in words[3:][:_MOST_CODECS]]
    voices = tuple(dict.fromkeys(name for name in codecs if name and name.upper() not in _NO_VOICE))
    inner = next((line for line in media if line.startswith("c=")), "")
    way = next((line[2:] for line in (*media, *common) if line[2:] in _WAYS and line.startswith("a=")), "sendrecv")
    return Description(
        voices, _encryption(words[2], media, common), _address(inner) or address, port, way, refused=not port
    )


_WAYS: Final = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})


def _encryption(profile: str, media: list[str], common: list[str]) -> str:
    if "SAVP" not in profile:
        return "none"
    return "dtls" if any(line.startswith("a=fingerprint:") for line in (*media, *common)) else "sdes"


def _address(line: str) -> str:
    words = line.split()
    return words[2].partition("/")[0][:64] if len(words) >= 3 else ""
