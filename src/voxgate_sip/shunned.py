"""Nodes that failed a request of late, in shared memory: others are taken while there are any.

The table `shunned` names them, each until its time is over. One shared variable, which every request outside of a
dialog reads anyway, tells whether it has to be looked at.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr

#: Until when a node is put aside, in epoch seconds; 0 while none is.
SHUNNED: Final = "$shv(shunned)"
_TABLE: Final = "shunned"


def shun(ksr: Ksr, uri: str, seconds: int) -> None:
    """Put the node aside for so long."""
    ksr.htable.sht_setxi(_TABLE, uri, 1, seconds)
    ksr.pv.seti(SHUNNED, int(time.time()) + seconds + 1)


def is_shunned(ksr: Ksr, uri: str) -> bool:
    """Whether the node is put aside."""
    return ksr.htable.sht_get(_TABLE, uri) is not None


def is_back(ksr: Ksr, uri: str) -> None:
    """The node answers again."""
    ksr.htable.sht_rm(_TABLE, uri)


def sweep(ksr: Ksr) -> None:
    """Once nobody is put aside any more, spare the requests the look."""
    if 0 < int(str(ksr.pv.get(SHUNNED))) < time.time():
        ksr.pv.seti(SHUNNED, 0)
