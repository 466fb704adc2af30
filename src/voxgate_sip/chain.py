"""What a transaction remembers of a trunk's call: every attempt, for the failure route and for call records. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

#: Outcomes of an attempt that ask for credentials.
CHALLENGED: Final = frozenset({"401", "407"})


class Chain(NamedTuple):
    """What a transaction must remember. `way` is in or out, `owner` the trunk of a call in and the PBX of a call out.

    `came` is the caller's side and transport; `targets` are names of PBXs or trunks in the order in which they are
    tried; `hidden` is empty where the provider may see the PBX; `shape` begins the name of the callback for replies;
    `node` is the URI of the node that has `number`, where that is a Contact that a PBX has registered at the provider;
    `passage` tells how often the call has come by (`passages`); `tried` holds one (target, URI, outcome) for each
    attempt, the outcome being empty while it lasts.
    """

    way: str
    owner: str
    number: str
    user: str
    source: str
    came: str
    method: str
    hidden: str
    shape: str
    node: str
    targets: tuple[str, ...]
    tried: tuple[tuple[str, str, str], ...] = ()
    passage: str = ""

    def text(self) -> str:
        """As lines: no value holds a line end, because `message.Reader` refuses those."""
        attempts = ("\t".join(attempt) for attempt in self.tried)
        return "\n".join((*self[:10], " ".join(self.targets), self.passage, *attempts))

    @property
    def raised(self) -> int:
        """How often a challenge was answered: so much higher is CSeq of what is sent from then on."""
        return sum(1 for before, now in pairwise(self.tried) if before[2] in CHALLENGED and before[:2] == now[:2])

    def ended(self, outcome: str) -> Chain:
        """The same after the outcome of its last attempt."""
        *before, (target, uri, _) = self.tried
        return self._replace(tried=(*before, (target, uri, outcome)))


def chain_of(text: str) -> Chain:
    """The chain that `Chain.text` wrote."""
    way, owner, number, user, source, came, method, hidden, shape, node, targets, passage, *tried = text.split("\n")
    attempts = []
    for line in tried:
        target, uri, outcome = line.split("\t")
        attempts.append((target, uri, outcome))
    return Chain(
        way,
        owner,
        number,
        user,
        source,
        came,
        method,
        hidden,
        shape,
        node,
        targets=tuple(targets.split(" ")),
        tried=tuple(attempts),
        passage=passage,
    )
