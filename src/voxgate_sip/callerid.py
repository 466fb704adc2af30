"""Who calls, as a provider wants to be told: From, P-Asserted-Identity, P-Preferred-Identity, Diversion. Pure.

RFC 3325 has the asserted identities and what privacy asks of them, RFC 5806 has Diversion, RFC 7044 History-Info, and
RFC 7544 how the one is made from the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.trunks import NUMBER, rewritten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate_sip.trunks import CallerId, Trunk

ASSERTED: Final = "P-Asserted-Identity"
PREFERRED: Final = "P-Preferred-Identity"
REMOTE_PARTY: Final = "Remote-Party-ID"
DIVERSION: Final = "Diversion"
HISTORY: Final = "History-Info"
PRIVACY: Final = "Privacy"
#: What `Claims` holds beside From, in that order.
HEADERS: Final = (ASSERTED, PREFERRED, REMOTE_PARTY, DIVERSION, HISTORY, PRIVACY)
#: RFC 3323 section 4.1.1.3.
ANONYMOUS: Final = "sip:anonymous@anonymous.invalid"
#: What asks that the caller stays unknown (RFC 3323 section 4.2, RFC 3325 section 9.3).
_WISHES: Final = frozenset({"id", "user", "header"})
#: RFC 7544 section 5: cause of a retargeting (RFC 4458) -> reason of a diversion.
_REASONS: Final = {
    "302": "unconditional",
    "404": "unknown",
    "408": "no-answer",
    "480": "deflection",
    "486": "user-busy",
    "487": "deflection",
    "503": "unavailable",
}
_HOST: Final = re.compile(r"(sips?:(?:[^@<>\s\"]*@)?)(\[[0-9A-Fa-f:.]+\]|[^\[\]@;:>,?\s\"]+)((?::\d+)?)", re.IGNORECASE)
_ENTRY: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^<",])*<([^<>]*)>[^,<]*')
_CAUSE: Final = re.compile(r";cause=(\d{3})(?=[;?&>]|$)|[?&]Reason=[^&>]*?cause%3D(\d{3})", re.IGNORECASE)
#: History that is longer than this is no history.
_MOST_ENTRIES: Final = 16


class Claims(NamedTuple):
    """What the PBX says: URI, display name and tag in From, then the joined values of `HEADERS`."""

    uri: str
    display: str
    tag: str
    asserted: str = ""
    preferred: str = ""
    remote_party: str = ""
    diversion: str = ""
    history: str = ""
    privacy: str = ""


class Edits(NamedTuple):
    """What changes: a new value of From or none, headers that go, header lines that come.

    `anonymous`: the caller was made unknown, and must stay so in the whole dialog.
    """

    sender: str
    remove: tuple[str, ...]
    add: tuple[str, ...]
    anonymous: bool = False


def edited(
    claims: Claims, caller: CallerId | None, hosts: Mapping[str, str], *, inside: bool = False, anonymous: bool = False
) -> Edits:
    """What of `claims` changes towards a provider. `hosts`: address that it must not see -> what stands there instead.

    `inside` a dialog nothing is asserted that the PBX does not assert (RFC 3325 section 9.1 allows it in few methods);
    `anonymous`: the request that opened it was made so.
    """
    values = dict(zip(HEADERS, claims[3:], strict=True))
    after = {name: elsewhere(value, hosts) for name, value in values.items()}
    sender = ""
    if caller:
        anonymous = anonymous or (caller.private and bool(_WISHES & set(re.split(r"[;,\s]+", claims.privacy.lower()))))
        identity = _identity(claims, caller, hosts)
        if anonymous:
            after = dict.fromkeys(HEADERS, "")
            # The provider wants to see the account, so that it is the provider who withholds it.
            after[PRIVACY] = (claims.privacy or ("" if inside else "id")) if caller.fixed else ""
        else:
            if claims.asserted or not inside:
                after[ASSERTED] = _asserted(caller.asserted, after[ASSERTED], identity, caller)
            if claims.preferred or not inside:
                after[PREFERRED] = _asserted(caller.preferred, after[PREFERRED], identity, caller)
            after[DIVERSION], after[HISTORY] = _diverted(caller.diversion, after[DIVERSION], after[HISTORY])
        sender = _sender(claims, caller, hosts, anonymous=anonymous)
    changed = [name for name in HEADERS if after[name] != values[name]]
    return Edits(
        sender,
        tuple(name for name in changed if values[name]),
        tuple(f"{name}: {after[name]}\r\n" for name in changed if after[name]),
        anonymous,
    )


def dialled(user: str, tag: str, display: str, trunk: Trunk) -> str:
    """To as a provider wants it, made from the PBX's: the number by its rules, at its host; empty for no number.

    From To and not from the request URI: the one that a PBX writes at first stays in the whole dialog.
    """
    if not NUMBER.fullmatch(user):
        return ""
    return f"{f'{display} ' if display else ''}<sip:{rewritten(user, trunk.rules_out)}@{trunk.host}>" + (
        f";tag={tag}" if tag else ""
    )


def _sender(claims: Claims, caller: CallerId, hosts: Mapping[str, str], *, anonymous: bool) -> str:
    if not (anonymous or caller.fixed or (caller.domain and not _is_anonymous(claims.uri))):
        return ""
    uri = caller.account
    if not caller.fixed:
        uri = ANONYMOUS if anonymous else _in_domain(elsewhere(claims.uri, hosts), caller.domain)
    display = '"Anonymous" ' if anonymous else claims.display
    return f"{display}<{uri}>;tag={claims.tag}"


def _identity(claims: Claims, caller: CallerId, hosts: Mapping[str, str]) -> str:
    """The caller as the PBX names it in From; empty where it names none."""
    if _is_anonymous(claims.uri):
        return ""
    return f"{claims.display}<{_in_domain(elsewhere(claims.uri, hosts), caller.domain)}>"


def _asserted(what: str, value: str, identity: str, caller: CallerId) -> str:
    match what:
        case "from":
            return identity or value
        case "account":
            return f"<{caller.account}>"
        case "remove":
            return ""
        case _:
            return value


def _diverted(what: str, diversion: str, history: str) -> tuple[str, str]:
    """Diversion and History-Info."""
    match what:
        case "remove":
            return "", ""
        case "history":
            return diversion or diversion_of(history), ""
        case _:
            return diversion, history


def diversion_of(history: str) -> str:
    """Diversion from the values of History-Info (RFC 7544 section 5): who was diverted last stands first."""
    entries = [match[1] for match in _ENTRY.finditer(history)][:_MOST_ENTRIES]
    found = []
    for index, entry in enumerate(entries):
        cause = _CAUSE.search(entry)
        # RFC 7044: the cause stands in the new target; RFC 4244: in the one that was left.
        by = entry if cause and cause[2] else entries[index - 1] if cause and index else ""
        if cause and by:
            private = ";privacy=full" if "privacy=history" in by.lower() else ""
            reason = _REASONS.get(cause[1] or cause[2], "unknown")
            found.append(f"<{_bare(by)}>;reason={reason};counter=1{private}")
    return ", ".join(reversed(found))


def _bare(uri: str) -> str:
    return re.sub(r";cause=\d+", "", uri.partition("?")[0])


def elsewhere(text: str, hosts: Mapping[str, str]) -> str:
    """`text` with other hosts, and no ports, in place of those that must not be seen."""
    if not text or not hosts:
        return text

    def replaced(match: re.Match[str]) -> str:
        head, host, _ = match.groups()
        shown = hosts.get(host.strip("[]"))
        return f"{head}{shown}" if shown else match[0]

    return _HOST.sub(replaced, text)


def _in_domain(uri: str, domain: str) -> str:
    if not domain:
        return uri
    user = uri.partition(":")[2].partition("@")[0] if "@" in uri else ""
    return f"sip:{user}@{domain}" if user else f"sip:{domain}"


def _is_anonymous(uri: str) -> bool:
    return uri.lower().startswith("sip:anonymous@") or uri.lower().partition("@")[2].startswith("anonymous.invalid")
