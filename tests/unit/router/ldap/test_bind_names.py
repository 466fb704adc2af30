from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.router.ldap.bind_names import LONGEST, BindName, bind_name


@pytest.mark.parametrize(
    ("name", "domain", "user"),
    [
        # domain\user
        (r"example.com\ckl", "example.com", "ckl"),
        (r"EXAMPLE.com\ckl", "example.com", "ckl"),
        (r"hq.example.com\ldap-guest", "hq.example.com", "ldap-guest"),
        (r"example.com.\ckl", "example.com", "ckl"),
        (r"example.com\ckl@home", "example.com", "ckl@home"),
        (r"example.com\a=b", "example.com", "a=b"),
        (r"example.com \ckl", "example.com", "ckl"),
        (r"\ckl", "", "ckl"),
        ("bücher.example\\ckl", "xn--bcher-kva.example", "ckl"),
        # user@domain
        ("ckl@example.com", "example.com", "ckl"),
        ("ckl@Example.COM.", "example.com", "ckl"),
        ("a@b@example.com", "example.com", "a@b"),
        ("ckl@", "", "ckl"),
        # DNs
        ("CN=ckl,DC=example,DC=com", "example.com", "ckl"),
        ("CN=ckl, DC=innovaphone, DC=com", "innovaphone.com", "ckl"),
        ("cn=ckl,ou=people,dc=example,dc=com", "example.com", "ckl"),
        ("uid=ckl , dc = Example , dc=  com  ", "example.com", "ckl"),
        (r"cn=Smith\, John,dc=example,dc=com", "example.com", "Smith, John"),
        (r"cn=Smith\2C John,dc=example,dc=com", "example.com", "Smith, John"),
        (r"cn=L\C3\BC,dc=example,dc=com", "example.com", "Lü"),
        ('cn="Smith, John",dc=example,dc=com', "example.com", "Smith, John"),
        ('cn="Smith " ,dc=example,dc=com', "example.com", "Smith "),
        (r"dc=example,dc=com,cn=x\,", "example.com", "example"),
        ('cn="dc=evil",dc=example,dc=com', "example.com", "dc=evil"),
        (r"cn=x\,dc=evil,dc=example,dc=com", "example.com", "x,dc=evil"),
        ("cn=a+uid=b,dc=example,dc=com", "example.com", "a"),
        ("cn=a,dc=example+ou=x,dc=com", "example.com", "a"),
        ("cn=ckl;dc=example;dc=com", "example.com", "ckl"),
        ("0.9.2342.19200300.100.1.25=example,dc=com", "example.com", "example"),
        ("cn=a,OID.0.9.2342.19200300.100.1.25=example,domainComponent=com", "example.com", "a"),
        ("cn=a,dc=b\\c3\\bccher,dc=example", "xn--bcher-kva.example", "a"),
        ("cn=john@elsewhere.example,dc=example,dc=com", "example.com", "john@elsewhere.example"),
        ("cn=admin", "", "admin"),
        ("cn=ckl,dc=", "", "ckl"),
        # neither
        ("ldap-guest", "", "ldap-guest"),
        ("", "", ""),
        ("cn=a,,dc=com", "", ""),
        ("cn=a,dc=example,com", "", ""),
        ('cn="a,dc=example', "", ""),
        ("cn=a\\", "", ""),
        (r"cn=a\zz,dc=example", "", ""),
    ],
)
def test_the_domain_of_a_name(name: str, domain: str, user: str) -> None:
    assert bind_name(name) == BindName(domain, user)


def test_a_name_that_nobody_has_is_not_taken_apart() -> None:
    longest = "x" * (LONGEST - len("@example.com")) + "@example.com"
    assert bind_name(longest).domain == "example.com"
    assert bind_name("x" + longest) == BindName("", "")
    assert bind_name("cn=" + "x" * LONGEST + ",dc=example,dc=com") == BindName("", "")


@given(st.text(max_size=LONGEST))
def test_any_text_has_a_domain_or_none(text: str) -> None:
    domain, _ = bind_name(text)
    assert domain.isascii()
    assert domain == domain.lower()


@given(st.text(alphabet='dc=,;+\\" @.aB0é', max_size=200))
def test_any_text_of_these_characters_does_too(text: str) -> None:
    assert bind_name(text).domain.isascii()
