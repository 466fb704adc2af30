"""Two programs that share nothing with ours read the same messages: pycrate, from the ASN.1, and Wireshark."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pycrate_asn1dir import H225

from tests.unit.router.h323.vectors import VALID, Vector, frames, rows
from voxgate.router.h323 import answers, q931
from voxgate.router.h323.messages import Call, Message, Ras, read
from voxgate.router.h323.tpkt import HEADER

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = H225.H323_MESSAGES
EVERY_REFUSAL = (
    answers.UNKNOWN_NAME,
    answers.NO_NAME,
    answers.OTHER_CONNECTION,
    answers.NETWORK_NOT_ALLOWED,
    answers.NO_ANSWER,
)
SETUP = Message(q931.SETUP, b"\x12\x34", "setup", (), Call((), bytes(range(16))))
OLD_SETUP = Message(q931.SETUP, b"\x12", "setup", (), Call((), b""))
REQUESTS = Message(q931.FACILITY, b"\0\0", "empty", (Ras("GRQ", 1), Ras("RRQ", 65535)))


def decoded(payload: bytes) -> tuple[dict[str, Any], list[tuple[str, dict[str, Any]]]]:
    """What pycrate reads: the UU-PDU, and the RAS messages in its tunnel."""
    octets = q931.parse(payload).user_user
    SCHEMA.H323_UserInformation.from_aper(octets)
    unit = SCHEMA.H323_UserInformation.get_val()["h323-uu-pdu"]
    ras = []
    for feature in unit.get("genericData", ()):
        if feature["id"] == ("standard", 17):
            for parameter in feature["parameters"]:
                SCHEMA.RasMessage.from_aper(parameter["content"][1])
                ras.append(SCHEMA.RasMessage.get_val())
    return unit, ras


@pytest.mark.parametrize(**rows(tuple(one for one in VALID if one.kind in {"GRQ", "RRQ", "GRJ", "RRJ", "Setup"})))
def test_pycrate_reads_the_vectors_alike(vector: Vector) -> None:
    for frame in frames(vector.octets):
        ours = read(frame[HEADER:])
        if not ours.body:
            continue
        unit, ras = decoded(frame[HEADER:])
        assert unit["h323-message-body"][0] == ours.body
        assert [(one.gatekeeper_id, one.number) for one in ours.ras] == [
            (content.get("gatekeeperIdentifier"), content["requestSeqNum"]) for _, content in ras
        ]


@pytest.mark.parametrize("why", EVERY_REFUSAL)
def test_pycrate_reads_our_answers(why: answers.Refusal) -> None:
    _, ras = decoded(answers.refusal(REQUESTS, why)[HEADER:])
    assert [(kind, content["requestSeqNum"]) for kind, content in ras] == [
        ("gatekeeperReject", 1),
        ("registrationReject", 65535),
    ]
    for call, reference in ((SETUP, b"\x92\x34"), (OLD_SETUP, b"\x92")):
        payload = answers.refusal(call, why)[HEADER:]
        body, content = decoded(payload)[0]["h323-message-body"]
        assert (body, q931.parse(payload).call_reference) == ("releaseComplete", reference)
        assert call.call is not None
        assert content.get("callIdentifier", {}).get("guid", b"") == call.call.identifier


def test_who_asks_for_nothing_gets_no_answer() -> None:
    for message in (Message(None), Message(q931.FACILITY, b"\0\0", "empty", (Ras("URQ"), Ras("ARQ")))):
        assert answers.refusal(message, answers.UNKNOWN_NAME) == b""


def test_wireshark_reads_vectors_and_answers_alike(tmp_path: Path) -> None:
    valid = [one for one in VALID if one.kind in {"GRQ", "RRQ"} and "\0" not in (one.gatekeeper_id or "")]
    ours = [answers.refusal(message, why) for why in EVERY_REFUSAL for message in (REQUESTS, SETUP, OLD_SETUP)]
    capture = tmp_path / "h323.pcap"
    capture.write_bytes(_capture([*(_asking(one) for one in valid), *ours]))
    fields = ("tcp.srcport", "h225.gatekeeperIdentifier", "h225.RasMessage", "h225.h323_message_body", "_ws.malformed")
    argv = ["tshark", "-r", str(capture), "-T", "fields", "-E", "separator=\t"]
    done = subprocess.run(
        [*argv, *(word for field in fields for word in ("-e", field))], check=True, capture_output=True, text=True
    )
    lines = [line.split("\t") for line in done.stdout.rstrip("\n").split("\n")]
    assert len(lines) == len(valid) + len(ours)
    assert not any(line[4] for line in lines)
    kinds = {"GRQ": "0", "RRQ": "3"}
    for vector, line in zip(valid, lines, strict=False):
        shown = line[1].replace("\\r", "\r").replace("\\n", "\n").split(",")[0]
        assert (vector.name, shown, line[2].split(",")[0]) == (
            vector.name,
            vector.gatekeeper_id or "",
            kinds[vector.kind],
        )
    assert [(line[2], line[3]) for line in lines[len(valid) :]] == [("2,5", "8"), ("", "5"), ("", "5")] * 5


def _asking(vector: Vector) -> bytes:
    """Its first message with RAS: Wireshark stops at an empty TPKT before it."""
    return next(frame for frame in frames(vector.octets) if read(frame[HEADER:]).ras)


def _capture(streams: list[bytes]) -> bytes:
    """Each stream as one TCP segment to port 1720, in a file of raw IPv4 packets."""
    packets = [struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for number, octets in enumerate(streams):
        tcp = struct.pack(">HHIIBBHHH", 20000 + number, 1720, 1, 1, 0x50, 0x18, 1024, 0, 0) + octets
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
        packets.append(struct.pack("=IIII", number, 0, len(ip + tcp), len(ip + tcp)) + ip + tcp)
    return b"".join(packets)
