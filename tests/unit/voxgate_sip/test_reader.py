"""The current message as values: line ends inside of them are an attack, absence is not."""

from __future__ import annotations

import pytest

from tests.ksr.fake import FakeKsr, Value
from voxgate_sip.message import MalformedError, Reader, unbracketed
from voxgate_sip.route import NO_ROUTES

MESSAGE: dict[str, Value] = {
    "$shv(generation)": 7,
    "$si": "2001:db8:77::7",
    "$pr": "udp",
    "$Ri": "2001:db8::5",
    "$rm": "INVITE",
    "$hdrc(Route)": 0,
    "$hdrc(Record-Route)": 0,
    "$hdrc(P-Asserted-Identity)": 0,
    "$hdrc(Remote-Party-ID)": 0,
    "$rd": "[2001:DB8::5]",
    "$fd": "PBX.Example.COM",
    "$rU": "200",
    "$fU": "100",
    "$tU": "200",
    "$ru": "sip:200@pbx.example.com",
}
ENVELOPE = ("INVITE", "2001:db8:77::7", "udp", "2001:db8::5")


def reader(**changes: Value) -> Reader:
    return Reader(FakeKsr({**MESSAGE, **{f"${name}": value for name, value in changes.items()}}).ksr)


def test_the_envelope_has_no_to_tag_outside_of_a_dialog() -> None:
    told = ["7", "<null>", "2001:db8:77::7", "udp", "2001:db8::5", "INVITE", "<null>", MESSAGE["$ru"], "00"]
    assert reader().envelope() == told
    assert reader(tt="b").envelope()[-3] == "b"


def test_hosts_are_in_lower_case_and_without_brackets() -> None:
    request = reader().request(*ENVELOPE)
    assert (request.ruri_host, request.from_host) == ("2001:db8::5", "pbx.example.com")
    assert (request.ruri_user, request.user, request.routes) == ("200", "100", NO_ROUTES)


def test_the_user_of_a_registration_is_the_one_that_is_registered() -> None:
    third_party = reader(tU="boss", fU="secretary").request("REGISTER", *ENVELOPE[1:])
    assert third_party.user == "boss"


def test_what_is_not_there_is_nothing() -> None:
    fake = FakeKsr({name: value for name, value in MESSAGE.items() if name not in {"$rd", "$rU"}})
    fake.variables["$hdrc(Route)"] = 2
    request = Reader(fake.ksr).request(*ENVELOPE)
    assert (request.ruri_host, request.ruri_user, request.routes) == ("", "", "2 0")
    assert (request.has_route, request.recorded) == (True, False)
    fake.variables |= {"$hdrc(Route)": 0, "$hdrc(Record-Route)": 10}
    request = Reader(fake.ksr).request(*ENVELOPE)
    assert (request.has_route, request.recorded) == (False, True)


@pytest.mark.parametrize("name", ["rm", "tt"])
@pytest.mark.parametrize("text", ["a\nb", "\n", "a\r\nb\n"], ids=repr)
def test_a_line_end_in_the_envelope_is_malformed(name: str, text: str) -> None:
    with pytest.raises(MalformedError):
        reader(**{name: text}).envelope()


@pytest.mark.parametrize("name", ["rd", "fd", "rU", "fU", "tU"])
@pytest.mark.parametrize("text", ["a\nb", "\n", "a\r\nb\n"], ids=repr)
def test_a_line_end_in_a_uri_is_malformed(name: str, text: str) -> None:
    with pytest.raises(MalformedError):
        reader(**{name: text}).request(*ENVELOPE)


@pytest.mark.parametrize(("length", "body", "good"), [(150, 150, True), (0, 412, True), (151, 150, False)])
def test_less_body_than_content_length_says_is_malformed_and_more_is_not(length: int, body: int, good: bool) -> None:
    try:
        reader(cl=length, bs=body).request(*ENVELOPE)
    except MalformedError:
        assert not good
    else:
        assert good


def test_what_is_not_utf_8_is_malformed() -> None:
    with pytest.raises(MalformedError):
        reader(fU=b"b\xffb").request(*ENVELOPE)


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Desk phone 7", "Desk phone 7"),
        ("Desk\r\n phone", "Desk\r\n phone"),
        ("Fön 1".encode("latin-1"), "Fön 1"),
        ("x" * 9000, "x" * 255),
    ],
    ids=["as-it-stands", "folded", "no-utf-8", "long"],
)
def test_a_user_agent_may_be_folded_and_in_any_character_set(agent: str | bytes, told: str) -> None:
    encoded = agent.hex() if isinstance(agent, bytes) else ""
    assert reader(ua=agent, **{"(ua{s.encode.hexa})": encoded}).request(*ENVELOPE).agent == told


@pytest.mark.parametrize(("host", "bare"), [("[::1]", "::1"), ("pbx.example", "pbx.example"), ("", "")])
def test_brackets_are_taken_off(host: str, bare: str) -> None:
    assert unbracketed(host) == bare
