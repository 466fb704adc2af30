"""Whose directory a BIND asks for: the domain in its name. Pure.

example.com\\ckl                   the part before the backslash
ckl@example.com                    the part after the last @
CN=ckl, DC=example, DC=com         all DC values, joined (RFC 4514, and the older forms of RFC 1779)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names beyond it are no user's.
LONGEST: Final = 1024
#: Names that need not be taken apart again; a megabyte at most, whatever strangers send.
REMEMBERED: Final = 1024

_TYPE: Final = re.compile(r" *(?:[oO][iI][dD]\.)?([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*) *= *")
_DOMAIN_COMPONENT: Final = frozenset({"dc", "domaincomponent", "0.9.2342.19200300.100.1.25"})
_HEX: Final = re.compile(r"[0-9A-Fa-f]{2}")
_SEPARATORS: Final = frozenset(",;+")
_SPECIAL: Final = frozenset(' "#+,;<=>\\')


class BindName(NamedTuple):
    """`domain` in lower case and as A-labels, empty where the name has none; `user` as it was written."""

    domain: str
    user: str


def bind_name(name: str) -> BindName:
    """Take a bind's name apart. What is no name at all has no domain."""
    return _bind_name(name) if len(name) <= LONGEST else BindName("", "")


# Who binds once binds again: a phone asks under one name, day after day.
@lru_cache(maxsize=REMEMBERED)
def _bind_name(name: str) -> BindName:
    if _TYPE.match(name):
        return _of_dn(name)
    domain, backslash, user = name.partition("\\")
    if backslash:
        return BindName(_host(domain), user)
    user, at, domain = name.rpartition("@")
    return BindName(_host(domain), user) if at else BindName("", name)


def _of_dn(name: str) -> BindName:
    try:
        values = list(_values(name))
    except ValueError:
        return BindName("", "")
    domain = ".".join(value for kind, value in values if kind in _DOMAIN_COMPONENT)
    return BindName(_host(domain), values[0][1])


def _values(name: str) -> Iterator[tuple[str, str]]:
    """(attribute type in lower case, value) of each part. Raises ValueError: no DN."""
    at = 0
    while True:
        found = _TYPE.match(name, at)
        if found is None:
            raise ValueError("a part without a type")
        value, at = _value(name, found.end())
        yield found[1].lower(), value
        if at >= len(name):
            return
        at += 1


def _value(name: str, at: int) -> tuple[str, int]:
    """The value that begins at `at`, unescaped, and where its separator stands (or the end of `name`)."""
    kept = bytearray()
    solid = 0  # spaces at the end do not count, unless they were escaped
    quoted = False
    while at < len(name) and (quoted or name[at] not in _SEPARATORS):
        character = name[at]
        if character == "\\":
            octets, at = _escaped(name, at)
            kept += octets
            solid = len(kept)
        elif character == '"':
            quoted = not quoted
            solid = len(kept)
            at += 1
        else:
            kept += character.encode("utf-8", "surrogatepass")
            solid = solid if character == " " and not quoted else len(kept)
            at += 1
    if quoted:
        raise ValueError("a quote that does not end")
    return kept[:solid].decode("utf-8", "replace"), at


def _escaped(name: str, at: int) -> tuple[bytes, int]:
    pair = _HEX.match(name, at + 1)
    if pair:
        return bytes.fromhex(pair[0]), at + 3
    if at + 1 < len(name) and name[at + 1] in _SPECIAL:
        return name[at + 1].encode(), at + 2
    raise ValueError("an escape of nothing")


def _host(domain: str) -> str:
    domain = domain.strip().removesuffix(".")
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
