"""Credentials that a PBX refused: the one failure that proves over UDP who failed.

A PBX's challenge goes to the address that asked; whoever answers with its nonce has received it there. So nonces are
remembered for a minute, and refused credentials count when they answer one of them. A first challenge is no failure
then, and neither are a nonce that has become stale, nor the many old nonces after a PBX started anew.

The memory has so many slots and no more, however many challenges a flood provokes; what is in a slot is a keyed digest,
so that nobody can make a nonce that fits another one's slot.
"""

from __future__ import annotations

import re

# Not by hashlib: see `hiding`.
from _blake2 import blake2b
from typing import TYPE_CHECKING, Final

from voxgate_sip.message import NOTHING, unbracketed

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router
    from voxgate_sip.suspicion import Suspicion

#: Answers that refuse credentials, or ask for them.
REFUSING: Final = frozenset({401, 403, 407})
#: The table, whose entries live for a minute, and its slots.
TABLE: Final = "challenges"
SLOTS: Final = 16_384
#: Between values; whoever puts it into a header is not counted, and not let in either.
SEPARATOR: Final = "\x1e"
_REQUEST: Final = ("$si", "$hdr(Authorization)", "$hdr(Proxy-Authorization)", "$rd")
_REPLY: Final = ("$(hdr(WWW-Authenticate)[*])", "$(hdr(Proxy-Authenticate)[*])")


def _template(request: str, reply: str) -> str:
    values = [request.format(one) for one in _REQUEST] + [reply.format(one) for one in _REPLY]
    return "$_s(" + SEPARATOR.join(values) + ")"


#: In a callback for replies, and in one for failed transactions.
IN_REPLY: Final = _template("$T_req({})", "{}")
IN_FAILURE: Final = _template("{}", "$T_rpl({})")
_NONCE: Final = re.compile(r'\bnonce\s*=\s*"([^"]{1,512})"', re.IGNORECASE)
_USER: Final = re.compile(r'\busername\s*=\s*"([^"]{0,64})', re.IGNORECASE)
_STALE: Final = re.compile(r'\bstale\s*=\s*"?true', re.IGNORECASE)


class Challenges:
    """Looks at what PBXs answer to requests from elsewhere."""

    def __init__(self, ksr: Ksr, router: Router, suspicion: Suspicion, key: bytes) -> None:
        self._ksr = ksr
        self._router = router
        self._suspicion = suspicion
        self._key = blake2b(b"challenges" + key, digest_size=32).digest()

    def replied(self) -> None:
        """The current reply answers a request."""
        code = self._ksr.kx.get_status()
        if code in REFUSING:
            self._look(code, IN_REPLY)

    def failed(self) -> None:
        """The current transaction failed."""
        code = self._ksr.tm.t_get_status_code()
        if code in REFUSING:
            self._look(code, IN_FAILURE)

    def _look(self, code: int, template: str) -> None:
        values = str(self._ksr.pv.get(template)).split(SEPARATOR)
        if len(values) != len(_REQUEST) + len(_REPLY):
            return
        source, *credentials, host = ("" if value == NOTHING else value for value in values[: len(_REQUEST)])
        source = unbracketed(source)
        if source in self._router.policy.pbx_protos:
            return
        challenge = " ".join(values[len(_REQUEST) :])
        given = " ".join(credentials)
        answered = _NONCE.search(given)
        if answered and not _STALE.search(challenge) and self._was_sent(source, answered[1]):
            user = _USER.search(given)
            self._suspicion.tell(
                "auth_failure", source, name=host, user=user[1] if user else "", detail=str(code), proven=True
            )
        for nonce in _NONCE.findall(challenge)[:4]:
            slot, digest = self._place(source, nonce)
            self._ksr.htable.sht_sets(TABLE, slot, digest)

    def _was_sent(self, source: str, nonce: str) -> bool:
        slot, digest = self._place(source, nonce)
        return self._ksr.htable.sht_get(TABLE, slot) == digest

    def _place(self, source: str, nonce: str) -> tuple[str, str]:
        digest = blake2b(f"{source} {nonce}".encode(), digest_size=12, key=self._key).digest()
        # A letter in front: a text of digits alone is a number to the table.
        return str(int.from_bytes(digest[:4]) % SLOTS), f"d{digest[4:].hex()}"
