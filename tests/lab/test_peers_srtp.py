"""The peers' SRTP against the test vectors of RFC 3711, and over a roll-over of sequence numbers; their handshake."""

from __future__ import annotations

import struct

import pytest

from lab.peers.dtls import Dtls, fingerprint_of, is_dtls
from lab.peers.sdp import SdpError
from lab.peers.secrecy import Sdes
from lab.peers.srtp import Srtp, SrtpError, key_of, line_of

#: RFC 3711 appendix B.3.
KEY = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6")


def packet(sequence: int, ssrc: int = 7) -> bytes:
    return struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, 1, ssrc) + bytes(range(60))


def test_session_keys_are_those_of_the_standard() -> None:
    made = Srtp(KEY)
    assert made._secret.hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert f"{made._salt:028X}" == "30CBBC08863D8C85D49DB34A9AE1"
    assert made._auth.hex().upper().startswith("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")


def test_packets_come_back_over_a_roll_over_and_out_of_order() -> None:
    ours, theirs = Srtp(KEY), Srtp(KEY)
    sent = [(packet(number), ours.protect(packet(number))) for number in range(65_530, 65_545)]
    for plain, secret in (*sent[:6], sent[8], sent[7], sent[6], *sent[9:]):
        assert theirs.unprotect(secret) == plain
        assert secret[12:40] != plain[12:40]


def test_a_changed_packet_and_another_key_are_refused() -> None:
    secret = Srtp(KEY).protect(packet(1))
    for wrong in (secret[:-1] + b"\0", secret[:20] + b"?" + secret[21:], secret[:15], b""):
        with pytest.raises(SrtpError):
            Srtp(KEY).unprotect(wrong)
    with pytest.raises(SrtpError):
        Srtp(bytes(30)).unprotect(secret)


def test_a_key_is_read_from_sdp_and_speech_in_clear_is_refused() -> None:
    body = f"m=audio 1 RTP/SAVP 0\r\n{line_of('4', KEY)}|2^31\r\n".encode()
    assert key_of(body) == ("4", KEY)
    made = Sdes()
    assert made.sending(packet(1)) is None
    made.take(body, "RTP/SAVP")
    assert made.lines(answer=True)[0].startswith("a=crypto:4 ")
    assert made.receiving(Srtp(KEY).protect(packet(1))) == packet(1)
    assert made.receiving(packet(1)) is None
    for wrong, profile in ((b"m=audio 1 RTP/AVP 0\r\n", "RTP/SAVP"), (body, "RTP/AVP")):
        with pytest.raises(SdpError):
            Sdes().take(wrong, profile)


@pytest.mark.parametrize("honest", [True, False], ids=["named", "not named"])
def test_a_handshake_gives_both_sides_the_same_keys_if_sdp_names_the_certificate(*, honest: bool) -> None:
    ours, theirs = Dtls(), Dtls()
    there: list[bytes] = []
    here: list[bytes] = []
    ours.send, theirs.send = there.append, here.append
    assert theirs._connection is not None
    theirs._connection.set_accept_state()
    theirs.expected = ours.fingerprint
    shown = theirs.fingerprint if honest else "00:11"
    assert fingerprint_of(f"a=fingerprint:SHA-256 {shown.lower()}\r\n".encode()) == shown

    def shake() -> None:
        ours.start(shown)
        for _ in range(20):
            for data in there[:]:
                there.remove(data)
                theirs.received(data)
            for data in here[:]:
                here.remove(data)
                assert is_dtls(data)
                ours.received(data)

    if not honest:
        with pytest.raises(SrtpError):
            shake()
        return
    shake()
    assert ours.keys
    assert theirs.keys
    assert theirs.keys[0].unprotect(ours.keys[0].protect(packet(1))) == packet(1)
