"""Whatever a stranger sends, the codec answers with a value or with its one error, after bounded work."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.router.h323.vectors import BY_NAME, VECTORS, frames
from voxgate.router.h323 import names, q931
from voxgate.router.h323.messages import read
from voxgate.router.h323.reader import MalformedError
from voxgate.router.h323.tpkt import HEADER, LONGEST, Splitter, framed


def survives(octets: bytes) -> None:
    splitter = Splitter()
    try:
        for frame in frames(octets, splitter):
            message = read(frame[HEADER:])
            for ras in message.ras:
                names.service_name(ras.gatekeeper_id or "")
            if message.call:
                names.called_domain(message.call.called)
    except MalformedError:
        return
    assert splitter.waiting <= LONGEST


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400))
def test_any_octets(octets: bytes) -> None:
    survives(octets)
    survives(framed(octets))
    survives(framed(q931.build(q931.FACILITY, b"\0\0", octets)))
    survives(framed(q931.build(q931.SETUP, b"\0\1", b"\x20" + octets)))


def test_real_messages_with_octets_changed_removed_and_doubled() -> None:
    chance = random.Random(3)  # noqa: S311 - the same messages each time
    for _ in range(8000):
        octets = bytearray(chance.choice(VECTORS).octets)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(octets))
            match chance.randrange(4):
                case 0:
                    octets[at] = chance.randrange(256)
                case 1:
                    octets[at] ^= 1 << chance.randrange(8)
                case 2:
                    octets[at:at] = octets[at : at + chance.randint(1, 30)]
                case _:
                    octets[at] = chance.choice((0, 0x7F, 0x80, 0xBF, 0xFF))
        if octets[:2] == b"\x03\0" and len(octets) > HEADER:
            octets[2:4] = len(octets).to_bytes(2, "big")
        survives(bytes(octets))


@pytest.mark.parametrize("octet", [0x00, 0x01, 0x40, 0x7F, 0x80, 0xAA, 0xBF, 0xFF])
@pytest.mark.parametrize("head", [30, 60, 100])
def test_the_longest_message_of_one_octet(octet: int, head: int) -> None:
    begin = BY_NAME["c_rrq_hq_branch"].octets[HEADER:head]
    survives(framed(begin + bytes((octet,)) * (LONGEST - HEADER - len(begin))))


def test_a_message_of_very_many_components_is_refused() -> None:
    parameters = b"\x40\x00\x01\x30" * 500
    generic = b"\x40\x00\x11" + (499).to_bytes(2, "big") + parameters
    many = generic * 7
    octets = bytes.fromhex("2810010010810180") + (0x8000 | (len(many) + 1)).to_bytes(2, "big") + b"\x07" + many
    with pytest.raises(MalformedError, match="too many components"):
        read(q931.build(q931.FACILITY, b"\0\0", octets))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(MalformedError, match="nested too deeply"):
        read(BY_NAME["x_deep_150"].octets[HEADER:])
