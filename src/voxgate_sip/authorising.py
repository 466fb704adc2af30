"""The answer to a provider's challenge in the current transaction, with the account of its trunk."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from voxgate_sip.digest import Account, answer, challenge_of

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.trunks import Trunk

#: Answer that asks for credentials -> the header that asks, the header that answers.
ASKS: Final = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
#: How often one request may be sent anew: a nonce may be stale at once.
MOST_ANSWERS: Final = 2


def credentials(ksr: Ksr, trunk: Trunk, code: int, uri: str, *, answered: int) -> str:
    """The header line for the request to `uri` that was refused with `code`; empty where it must stay refused.

    `answered`: how often it had credentials already; those were wrong, unless the provider says that they were late.
    """
    if code not in ASKS or not trunk.password or answered >= MOST_ANSWERS:
        return ""
    asks, answers = ASKS[code]
    for index in range(2):
        value = ksr.pv.get(f"$T_rpl($(hdr({asks})[{index}]))")
        try:
            challenge = challenge_of(str(value or ""))
        except ValueError:
            continue
        if challenge.stale or not answered:
            account, cnonce = Account(trunk.auth_user, trunk.password), f"{random.getrandbits(64):016x}"
            return f"{answers}: {answer(challenge, account, ksr.kx.get_method(), uri, cnonce)}\r\n"
    return ""
