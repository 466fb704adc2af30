"""The stand-in for Kamailio is strict: what the real one would not take, it does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ksr.fake import Call, FakeKsr

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG: dict[str, tuple[type[Exception], Callable[[Any], object]]] = {
    "unknown-function": (AttributeError, lambda ksr: ksr.tm.t_teleport()),
    "unknown-module": (AttributeError, lambda ksr: ksr.nosuch),
    "too-few": (TypeError, lambda ksr: ksr.tm.t_set_fr(1)),
    "too-many": (TypeError, lambda ksr: ksr.tm.t_relay(1)),
    "text-for-a-number": (TypeError, lambda ksr: ksr.tm.t_set_fr(0, "1")),
    "truth-for-a-number": (TypeError, lambda ksr: ksr.tm.t_set_fr(False, 1)),
    "nothing-for-text": (TypeError, lambda ksr: ksr.setdsturi(None)),
    "by-name": (TypeError, lambda ksr: ksr.setdsturi(p0="sip:x")),
    "zero-byte": (SystemError, lambda ksr: ksr.setdsturi("a\0b")),
    "lone-surrogate": (SystemError, lambda ksr: ksr.setdsturi("a\udcff")),
}


@pytest.mark.parametrize(("error", "use"), WRONG.values(), ids=WRONG)
def test_a_wrong_use_is_an_error(error: type[Exception], use: Callable[[Any], object]) -> None:
    fake = FakeKsr()
    with pytest.raises(error):
        use(fake.ksr)
    assert fake.calls == []


def test_a_template_is_filled_from_the_same_variables() -> None:
    fake = FakeKsr({"$nh(d)": "10.0.0.1", "$T_req($(hdr(X)[*]))": "a)b", "$rm": b"INVITE"})
    assert fake.ksr.pv.get("$_s($nh(d) $tt\n$T_req($(hdr(X)[*])) $rm)") == "10.0.0.1 <null>\na)b INVITE"
    assert fake.ksr.pv.get("$tt") is None
    assert fake.ksr.kx.get_method() == "INVITE"


def test_answers_are_given_by_arguments_before_name_and_must_fit() -> None:
    fake = FakeKsr()
    fake.answers["htable.sht_get"] = None
    fake.answers["htable.sht_get", "a", "b"] = 5
    assert (fake.ksr.htable.sht_get("a", "b"), fake.ksr.htable.sht_get("a", "c")) == (5, None)
    assert fake.calls[0] == Call("htable.sht_get", ("a", "b"))
    fake.answers["tm.t_relay"] = "yes"
    with pytest.raises(TypeError, match="gives"):
        fake.ksr.tm.t_relay()
