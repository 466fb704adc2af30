"""Answers to challenges, by the examples of RFC 7616 section 3.9.1 and RFC 2617 section 3.5."""

from __future__ import annotations

import re

import pytest

from voxgate_sip.digest import Account, answer, challenge_of

MUFASA = Account("Mufasa", "Circle of Life")
ASKED = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_rfc(algorithm: str, response: str) -> None:
    challenge = challenge_of(ASKED.format(algorithm))
    made = answer(challenge, MUFASA, "GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    values = dict(re.findall(r'(\w+)="?([^",]+)', made))
    assert values["response"] == response
    assert (values["algorithm"], values["qop"], values["nc"]) == (algorithm, "auth", "00000001")
    assert values["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_without_qop_the_old_form_is_used() -> None:
    challenge = challenge_of('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque=""')
    made = answer(challenge, Account("Mufasa", "CircleOfLife"), "GET", "/dir/index.html", "unused")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in made
    assert "cnonce" not in made
    assert 'opaque=""' in made


@pytest.mark.parametrize(
    "value", ["", "Basic realm=x", 'Digest nonce="x", algorithm=MD5-sess', 'Digest nonce="x", qop="auth-int"', "Digest"]
)
def test_what_cannot_be_answered_is_said(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        challenge_of(value)


def test_an_account_never_shows_its_password() -> None:
    assert "Circle" not in repr(MUFASA)
