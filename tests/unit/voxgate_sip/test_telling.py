"""What leaves the worker besides SIP: log lines, events, and records of calls."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ksr.fake import FakeKsr
from voxgate_sip import record
from voxgate_sip.events import BURST, Emitter, Refusals, plain
from voxgate_sip.notes import NOTE, SEPARATOR, Tried, note_of, read

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = {
    "host": ("pbx.example.com", "pbx.example.com"),
    "ipv6": ("2001:db8::5", "2001:db8::5"),
    "line-end": ("a\r\nevent=faked", "a??event?faked"),
    "escape": ("\x1b[31m", "??31m"),
    "not-ascii": ("bücher", "b?cher"),
    "long": ("a" * 65, "a" * 64),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "shown"), PLAIN.values(), ids=PLAIN)
def test_text_from_a_packet_is_made_fit_for_a_log_line(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text())
def test_no_text_can_end_a_field_or_a_line(text: str) -> None:
    shown = plain(text)
    assert len(shown) == min(len(text), 64)
    assert not set(shown) & set(" \t\r\n=\"'\\")


def test_every_refusal_is_counted_but_only_a_burst_and_one_a_second_is_logged() -> None:
    fake, clock = FakeKsr(), [100.0]
    refusals = Refusals(fake.ksr, lambda: clock[0])

    def logged_after(seconds: float, times: int) -> int:
        clock[0] += seconds
        before = len(fake.args_of("notice"))
        for _ in range(times):
            refusals.note("unknown-domain", "192.0.2.1", "udp", "INVITE", "x.example")
        return len(fake.args_of("notice")) - before

    assert logged_after(0, 100) == BURST
    assert logged_after(0.5, 10) == 0
    assert logged_after(0.5, 10) == 1
    assert logged_after(5, 10) == 5
    assert logged_after(10_000, 100) == BURST
    assert fake.args_of("htable.sht_inc") == [("refused", "unknown-domain")] * 230


def test_a_refusal_is_one_line_of_fields() -> None:
    fake = FakeKsr()
    Refusals(fake.ksr, lambda: 0.0).note("malformed", "192.0.2.1", "udp", "INV ITE", "")
    assert fake.args_of("notice") == [
        ("event=request_refused reason=malformed src_ip=192.0.2.1 transport=udp method=INV?ITE host=-\n",)
    ]


def test_an_event_is_one_datagram_and_nobody_listening_is_no_error(tmp_path: Path) -> None:
    path = str(tmp_path / "e.sock")
    emitter = Emitter(path)
    emitter.send(event="node", uri="sip:10.0.0.1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(2)
        emitter.send(event="node", uri="sip:10.0.0.2")
        assert json.loads(listener.recv(4096)) == {"event": "node", "uri": "sip:10.0.0.2"}
        emitter.tell("cdr", "ended", "1.000", "a\nb")
        assert listener.recv(4096) == b"cdr\x1dended\x1d1.000\x1da\nb"
        for _ in range(2000):
            emitter.send(event="node", uri="sip:10.0.0.3")
    (tmp_path / "e.sock").unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as another:
        another.bind(path)
        another.settimeout(2)
        emitter.tell("cdr", "ended")
        assert another.recv(4096) == b"cdr\x1dended", "the control plane has started anew"


MESSAGE: dict[str, str | int | bytes] = {
    NOTE: note_of("sip:192.0.2.1:5062\n<sip:100@192.0.2.1:5062>\n<null>", "hq", "plain", "100", "sip:10.0.0.1"),
    "$ci": "call-1",
    "$fu": "sip:100@pbx.example.com",
    "$ft": "a",
    "$tu": "sip:200@pbx.example.com",
    "$tt": "b",
    "$cs": "1",
    "$ct": "<sip:200@10.0.0.1>",
    "$(hdr(Record-Route)[*])": "<sip:10.0.0.5;lr>",
    "$su": "sip:10.0.0.1:5060",
}


def test_a_record_gives_each_party_by_name_and_nothing_for_what_was_not_there() -> None:
    fake = FakeKsr(MESSAGE)
    kept = record.of_reply(fake.ksr)
    assert len(fake.calls) == 1
    assert kept
    assert kept[0] == "call-1"
    found = record.fields(kept[1])
    caller = {"caller_flow": "sip:192.0.2.1:5062", "caller_contact": "<sip:100@192.0.2.1:5062>", "caller_routes": ""}
    assert found == {name: MESSAGE.get(variable, "") for name, variable in record.FIELDS.items()} | caller


def test_only_the_answer_of_a_request_whose_caller_was_noted_makes_a_record() -> None:
    unknown = {name: value for name, value in MESSAGE.items() if name != NOTE}
    assert record.of_reply(FakeKsr(unknown).ksr) is None
    nobody = note_of("", "hq", "plain", "100", "sip:10.0.0.1")
    assert record.of_reply(FakeKsr({**MESSAGE, NOTE: nobody}).ksr) is None


def test_a_note_gives_back_what_was_noted_whatever_a_contact_holds() -> None:
    caller = "sip:192.0.2.1:5062\n<sip:1\x1e\x1f@192.0.2.1>\n<null>"
    assert read(note_of(caller, "hq", "secure", "100", "sip:a", "sip:b")) == (
        caller,
        Tried("hq", "secure", "100", ("sip:a", "sip:b")),
    )
    assert read(f"{caller}{SEPARATOR}") == (caller, None)
    assert read("") == ("", None)


@pytest.mark.parametrize("text", ["", "one", "\n" * 10, "\n" * 12, "\n" * 13], ids=repr)
def test_a_text_with_another_number_of_lines_is_no_record(text: str) -> None:
    with pytest.raises(ValueError, match="a call record has 12 lines"):
        record.fields(text)
