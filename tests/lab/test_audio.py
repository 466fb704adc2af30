"""Audio of the lab: G.711 against the recommendation's values, tone detection with loss, verdicts in words."""

from __future__ import annotations

import random
import struct
from array import array
from typing import TYPE_CHECKING

import pytest

from lab.audio import (
    NOTHING,
    TONES,
    End,
    Heard,
    Law,
    RecordingError,
    Sound,
    decode,
    encode,
    listen,
    read,
    tone,
    two_way,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

# Values of ITU-T G.711 tables 1a/1b/2a/2b: decision values in 16-bit scale, code words as sent.
KNOWN = [
    (Law.PCMU, 0, 0xFF),
    (Law.PCMU, 32767, 0x80),
    (Law.PCMU, -32768, 0x00),
    (Law.PCMU, 8, 0xFE),
    (Law.PCMA, 0, 0xD5),
    (Law.PCMA, 32767, 0xAA),
    (Law.PCMA, -32768, 0x2A),
    (Law.PCMA, -1, 0x55),
]


@pytest.mark.parametrize(("law", "sample", "octet"), KNOWN)
def test_g711_code_words_are_those_of_the_recommendation(law: Law, sample: int, octet: int) -> None:
    assert encode(law, [sample])[0] == octet


@pytest.mark.parametrize("law", Law)
def test_g711_octets_survive_decoding_and_encoding(law: Law) -> None:
    negative_zero = 0x7F if law is Law.PCMU else None  # mu-law has two zeros
    for octet in range(256):
        if octet != negative_zero:
            assert encode(law, decode(law, bytes([octet])))[0] == octet


@pytest.mark.parametrize("law", Law)
def test_g711_error_stays_below_one_part_in_sixteen(law: Law) -> None:
    for sample in range(-32000, 32000, 61):
        assert abs(decode(law, encode(law, [sample]))[0] - sample) <= max(16, abs(sample) // 16)


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("hz", TONES)
def test_each_tone_is_named_after_g711(law: Law, hz: int) -> None:
    assert listen(decode(law, encode(law, tone(hz, 1.0)))) == Heard(hz, 1.0, 0.0)


@pytest.mark.parametrize("amplitude", [1000, 30000])
def test_volume_does_not_matter(amplitude: int) -> None:
    assert listen(tone(710, 1.0, amplitude)) == Heard(710, 1.0, 0.0)


@pytest.mark.parametrize("percent", [2, 10, 30])
@pytest.mark.parametrize("offset", [0, 37, 80, 121])
def test_lost_packets_show_as_loss(percent: int, offset: int) -> None:
    samples = tone(440, 10.0)
    chance = random.Random(percent)  # noqa: S311 - repeatable noise, no secret
    frames = range(offset, len(samples) - 160, 160)
    lost = [n for n in frames if chance.random() < percent / 100]
    for n in lost:
        samples[n : n + 160] = array("h", bytes(320))
    assert listen(samples).loss_percent == pytest.approx(100 * len(lost) / len(frames), abs=1.0)


def test_silence_before_and_after_is_no_loss() -> None:
    silence = array("h", bytes(16000))
    assert listen(silence + tone(440, 2.0) + silence) == Heard(440, 2.0, 0.0)


@pytest.mark.parametrize("samples", [array("h"), array("h", [0] * 8000), array("h", [3, -3] * 4000)])
def test_silence_is_nothing(samples: array[int]) -> None:
    assert listen(samples) == NOTHING


def test_noise_is_nothing() -> None:
    chance = random.Random(1)  # noqa: S311 - repeatable noise, no secret
    assert listen(array("h", [chance.randrange(-9000, 9000) for _ in range(16000)])) == NOTHING


def test_a_second_tone_is_reported() -> None:
    assert listen(tone(440, 2.0) + tone(710, 0.5)).others_hz == (710,)


def test_a_wav_file_reads_back_even_without_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path, tone(440, 0.5))
    assert read(path) == tone(440, 0.5)
    octets = bytearray(path.read_bytes())
    struct.pack_into("<I", octets, 40, 0)  # what a phone leaves that was killed
    path.write_bytes(octets)
    assert read(path) == tone(440, 0.5)


@pytest.mark.parametrize("octets", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"ID3 and so on"])
def test_what_is_no_recording_is_refused(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(octets)
    with pytest.raises(RecordingError):
        read(path)


VERDICTS = [
    (Heard(620, 4.0, 0.5), Heard(440, 4.0, 0.0), Sound.OK, "alice and pbx hear each other"),
    (NOTHING, Heard(440, 4.0, 0.0), Sound.ONE_WAY, "alice does not hear pbx"),
    (Heard(620, 4.0, 0.0), NOTHING, Sound.ONE_WAY, "pbx does not hear alice"),
    (NOTHING, NOTHING, Sound.SILENCE, "neither"),
    (Heard(620, 4.0, 12.5), Heard(440, 4.0, 0.0), Sound.LOSS, "alice misses 12.5 %"),
    (Heard(800, 4.0, 0.0), Heard(440, 4.0, 0.0), Sound.WRONG, "alice hears 800 Hz instead of 620 Hz"),
    (Heard(620, 0.3, 0.0), Heard(440, 4.0, 0.0), Sound.ONE_WAY, "alice does not hear pbx"),
]


@pytest.mark.parametrize(("alice", "pbx", "sound", "words"), VERDICTS)
def test_verdicts_say_who_does_not_hear_whom(alice: Heard, pbx: Heard, sound: Sound, words: str) -> None:
    verdict = two_way(End("alice", 620, alice), End("pbx", 440, pbx))
    assert verdict.sound is sound
    assert words in verdict.words
    assert bool(verdict) is (sound is Sound.OK)
