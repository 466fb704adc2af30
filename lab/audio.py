"""Audio of the lab in one place to import from: tone files, what a recording holds, who hears whom."""

from lab.g711 import Law, decode, encode
from lab.hearing import End, Sound, Verdict, two_way
from lab.tones import NOTHING, RATE, TONES, Heard, RecordingError, listen, read, tone, write

__all__ = [
    "NOTHING",
    "RATE",
    "TONES",
    "End",
    "Heard",
    "Law",
    "RecordingError",
    "Sound",
    "Verdict",
    "decode",
    "encode",
    "listen",
    "read",
    "tone",
    "two_way",
    "write",
]
