"""What rtpengine tells of RTCP. The payloads are those of rtpengine 10.5 and 12.5, which write the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.wire.rtcp_told import MOST_BLOCKS, Block, Told, read

SENDER = (
    b'{ "sender_information":{"ntp_timestamp_sec":2209040054,"ntp_timestamp_usec":2256150976,"octets":14560,'
    b'"rtp_timestamp":14560, "packets":91},"ssrc":48059,"type":200,"report_count":1,'
    b'"report_blocks":[{"source_ssrc":43690,"highest_seq_no":190,"fraction_lost":64,"ia_jitter":186,"packets_lost":11,"lsr":1186347663,"dlsr":32768}],'
    b'"sdes_report_count":1,"sdes_information": [ {"sdes_chunk_ssrc":48059,"type":1,"text":""}] }'
)
BLOCK = b'{"source_ssrc":7,"highest_seq_no":9,"fraction_lost":0,"ia_jitter":8,"packets_lost":0,"lsr":0,"dlsr":0}'


def receiver(*blocks: bytes, after: bytes = b"") -> bytes:
    return b'{ "ssrc":5,"type":201,"report_count":1,"report_blocks":[' + b",".join(blocks) + b"]" + after + b" }"


def test_a_senders_report_has_its_count_its_time_and_how_it_receives() -> None:
    block = Block(43690, 0.25, 186, 1186347663, 0.5)
    assert read(SENDER) == Told(48059, 91, (2209040054 & 0xFFFF) << 16 | 2256150976 >> 16, (block,))


def test_a_receivers_report_has_no_count() -> None:
    assert read(receiver(BLOCK)) == Told(5, None, 0, (Block(7, 0.0, 8),))


@pytest.mark.parametrize("payload", [b"", b"{ }", b'{ "sdes_report_count":1 }', b'{ "ssrc":5,"type":205,', b"\xff\0{"])
def test_what_is_no_report_is_none(payload: bytes) -> None:
    assert read(payload) is None


def test_what_a_stranger_writes_into_sdes_is_no_report() -> None:
    evil = b'"text":"' + SENDER + b'"'
    assert read(receiver(BLOCK, after=b',"sdes_information": [ {' + evil)) == read(receiver(BLOCK))
    assert read(b'{ "sdes_information": [ {' + evil) is None


def test_blocks_are_bounded() -> None:
    told = read(receiver(*[BLOCK] * 31))
    assert told is not None
    assert len(told.blocks) == MOST_BLOCKS


@given(st.binary(max_size=200), st.integers(0, len(SENDER)))
def test_nothing_that_comes_is_an_error(noise: bytes, at: int) -> None:
    read(noise)
    read(SENDER[:at])
    read(SENDER[:at] + noise + SENDER[at:])
