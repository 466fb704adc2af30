"""Contacts of a REGISTER and of its answer: which of them this phone has now, and for how long. Pure.

RFC 3261 section 10.3: the answer lists every contact of the user, those of other phones too; a contact of the request
that is missing there is gone. RFC 5626 section 4.2: an instance and a reg-id tell the flows of one phone apart.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

#: Section 10.2.1.1 of RFC 3261 leaves the default to the registrar; this is what most use.
DEFAULT_EXPIRES_S: Final = 3600
#: More contacts in one message than this are not looked at; a phone has one or two.
MOST: Final = 16
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAM: Final = re.compile(r';\s*([A-Za-z0-9+.-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;,\s"]*))?')


class Contact(NamedTuple):
    """One value of Contact: URI without its brackets, expiry in seconds where it says so, instance and reg-id."""

    uri: str
    expires_s: int | None = None
    instance: str = ""
    reg_id: str = ""

    @property
    def key(self) -> str:
        """What tells it from the user's other contacts."""
        return f"{self.instance} {self.reg_id}" if self.instance else bare(self.uri)


class Seen(NamedTuple):
    """What a good answer to a REGISTER says of this phone: its contacts with their expiry, and keys that are gone.

    `all_gone`: the phone took back all contacts of the user.
    """

    there: tuple[tuple[Contact, int], ...] = ()
    gone: tuple[str, ...] = ()
    all_gone: bool = False


def parsed(values: str) -> tuple[Contact, ...]:
    """The contacts in the joined values of Contact; what is none is left out."""
    return tuple(contact for value in _split(values)[:MOST] if (contact := _contact(value)))


def bare(uri: str) -> str:
    """`uri` without parameters, the host in lower case: what two notations of one contact share."""
    user, at, host = uri.partition(";")[0].partition("?")[0].rpartition("@")
    return f"{user}{at}{host.lower()}"


def seen(asked: str, asked_expires: str, answered: str, answered_expires: str) -> Seen:
    """What holds after a 200: Contact and Expires as they stood in the request and in the answer."""
    if asked.strip() == "*":
        return Seen(all_gone=True)
    wanted = parsed(asked)
    listed = parsed(answered)
    given = _seconds(answered_expires)
    there, gone = [], []
    for contact in wanted:
        lasts = contact.expires_s if contact.expires_s is not None else _seconds(asked_expires)
        match = _match(contact, listed, only_one=len(wanted) == 1)
        if match is not None and match.expires_s is not None:
            lasts = match.expires_s
        elif given is not None and lasts != 0:
            lasts = given
        if lasts == 0 or (match is None and listed):
            gone.append(contact.key)
        else:
            there.append((contact, DEFAULT_EXPIRES_S if lasts is None else lasts))
    return Seen(tuple(there), tuple(gone))


def _match(contact: Contact, listed: tuple[Contact, ...], *, only_one: bool) -> Contact | None:
    """The same contact in the answer. A PBX that writes contacts anew still lists one for one."""
    for other in listed:
        if other.key == contact.key or bare(other.uri) == bare(contact.uri):
            return other
    return listed[0] if only_one and len(listed) == 1 and contact.expires_s != 0 else None


def _seconds(text: str) -> int | None:
    """A number of seconds, at most a day longer than any sensible one; None where there is none."""
    text = text.strip()
    return min(int(text), 7 * 86400) if text.isdecimal() and len(text) <= 10 else None


def _split(values: str) -> list[str]:
    """The values of a list header: commas in quotes and in angle brackets do not part them."""
    parts, start, at, inside = [], 0, 0, False
    while at < len(values):
        char = values[at]
        if char == '"' and (found := _QUOTED.match(values, at)):
            at = found.end()
            continue
        if char in "<>":
            inside = char == "<"
        elif char == "," and not inside:
            parts.append(values[start:at])
            start = at + 1
        at += 1
    return [*parts, values[start:]]


def _contact(value: str) -> Contact | None:
    value = value.lstrip()
    if name := _QUOTED.match(value):
        value = value[name.end() :]
    head, opened, rest = value.partition("<")
    if opened and ";" not in head:
        uri, closed, params = rest.partition(">")
        if not closed:
            return None
    else:
        uri, semicolon, rest = value.partition(";")
        params = semicolon + rest
    if not uri.strip().lower().startswith(("sip:", "sips:")):
        return None
    found = {name.lower(): text.strip('"') for name, text in _PARAM.findall(params)}
    return Contact(
        uri.strip(), _seconds(found.get("expires", "")), found.get("+sip.instance", ""), found.get("reg-id", "")
    )
