"""What a 200 to a REGISTER says of the phone that asked; values come from packets, so anything may stand in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate_sip.contacts import DEFAULT_EXPIRES_S, Contact, bare, parsed, seen

A, B = "sip:alice@10.0.0.50:5062", "sip:alice@10.0.0.51:5062;transport=tcp"
ID = "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"

VALUES = {
    "brackets": (f"<{A}>", [Contact(A)]),
    "none": (A, [Contact(A)]),
    "expires": (f"<{A}>;expires=60", [Contact(A, 60)]),
    "expires-without-brackets": (f"{A};expires=60", [Contact(A, 60)]),
    "parameter-of-the-uri": (f"<{B}>;q=0.5;Expires = 60", [Contact(B, 60)]),
    "two": (f"<{A}>;expires=1,<{B}>;expires=2", [Contact(A, 1), Contact(B, 2)]),
    "name": (f'"Alice, <Home>;expires=9" <{A}>;expires=3', [Contact(A, 3)]),
    "escaped-quote": (f'"A \\" <x>, y" <{A}>', [Contact(A)]),
    "token-as-name": (f"Alice <{A}>", [Contact(A)]),
    "comma-in-the-uri": ("<sip:a,b@h>,<sip:c@h>", [Contact("sip:a,b@h"), Contact("sip:c@h")]),
    "instance": (
        f'<{A}>;+sip.instance="{ID}";reg-id=1;expires=5',
        [Contact(A, 5, ID, "1")],
    ),
    "not-closed": (f"<{A}", []),
    "no-sip": ("<tel:+49301234>", []),
    "nothing": ("", []),
    "expires-no-number": (f"<{A}>;expires=soon", [Contact(A)]),
}


@pytest.mark.parametrize(("text", "found"), VALUES.values(), ids=VALUES)
def test_the_values_of_contact_are_told_apart(text: str, found: list[Contact]) -> None:
    assert list(parsed(text)) == found


@given(st.text(alphabet='<>",;= asip:@1\\\r\n\x00é', max_size=120), st.text(max_size=20))
def test_nothing_that_stands_there_breaks_it(text: str, expires: str) -> None:
    seen(text, expires, text, expires)
    seen(f"<{A}>", expires, text, expires)


def there(asked: str, asked_expires: str = "", answered: str = "", answered_expires: str = "") -> dict[str, int]:
    return {contact.uri: lasts_s for contact, lasts_s in seen(asked, asked_expires, answered, answered_expires).there}


EXPIRIES = {
    "the-answer's-parameter": ((f"<{A}>;expires=600", "", f"<{A}>;expires=120", ""), {A: 120}),
    "the-answer's-header": ((f"<{A}>", "600", f"<{A}>", "90"), {A: 90}),
    "the-request's-header": ((f"<{A}>", "600", f"<{A}>", ""), {A: 600}),
    "the-request's-parameter": ((f"<{A}>;expires=300", "600", f"<{A}>", ""), {A: 300}),
    "none-at-all": ((f"<{A}>", "", f"<{A}>", ""), {A: DEFAULT_EXPIRES_S}),
    "among-those-of-other-phones": ((f"<{A}>", "600", f"<{B}>;expires=7,<{A}>;expires=8", ""), {A: 8}),
    "another-notation": ((f"<{A}>", "", "<sip:alice@10.0.0.50:5062;ob>;expires=9", ""), {A: 9}),
    "written-anew-by-the-pbx": ((f"<{A}>", "600", "<sip:alice@pbx>;expires=30", ""), {A: 30}),
    "two": ((f"<{A}>,<{B}>", "600", f"<{B}>;expires=2,<{A}>;expires=1", ""), {A: 1, B: 2}),
    "a-query": (("", "", f"<{A}>;expires=8", ""), {}),
    "no-contact-in-the-answer": ((f"<{A}>", "600", "", ""), {A: 600}),
}


@pytest.mark.parametrize(("values", "found"), EXPIRIES.values(), ids=EXPIRIES)
def test_a_contact_lasts_as_long_as_the_answer_says(values: tuple[str, str, str, str], found: dict[str, int]) -> None:
    assert there(*values) == found


GONE = {
    "header": ((f"<{A}>", "0", "", ""), (bare(A),)),
    "parameter": ((f"<{A}>;expires=0", "600", f"<{B}>;expires=9", ""), (bare(A),)),
    "one-of-two": ((f"<{A}>;expires=0,<{B}>", "600", f"<{B}>;expires=9", ""), (bare(A),)),
    "refused-silently": ((f"<{A}>,<sip:x@h>", "600", f"<{A}>;expires=9", ""), ("sip:x@h",)),
}


@pytest.mark.parametrize(("values", "gone"), GONE.values(), ids=GONE)
def test_what_is_taken_back_is_gone(values: tuple[str, str, str, str], gone: tuple[str, ...]) -> None:
    assert seen(*values).gone == gone


def test_a_star_takes_back_all() -> None:
    assert seen("*", "0", "", "").all_gone
    assert not seen(f"<{A}>", "0", "", "").all_gone


def test_flows_of_one_phone_are_told_apart_by_reg_id_and_a_new_address_is_the_same_flow() -> None:
    first, second = (parsed(f'<{A}>;+sip.instance="{ID}";reg-id={number}')[0] for number in (1, 2))
    moved = parsed(f'<{B}>;+sip.instance="{ID}";reg-id=1')[0]
    assert first.key != second.key
    assert first.key == moved.key
