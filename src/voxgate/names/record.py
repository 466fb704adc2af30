"""One record of the DNS. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

#: Short enough that a change is seen within minutes, long enough for phones that ask before each call.
TTL_S: Final = 300


class View(Enum):
    """Who asks."""

    PUBLIC = "public"  # the internet
    INSIDE = "inside"  # the local networks, where no hairpin NAT is needed then


class Weight(Enum):
    """What becomes of it without the record."""

    NEEDED = "needed"  # somebody cannot reach the edge
    USEFUL = "useful"  # phones must be told more by hand
    OPTIONAL = "optional"  # a few phones find the better way


@dataclass(frozen=True, slots=True)
class Record:
    """`name` without a dot at its end; `data` as a zone file has it, names in it with one."""

    name: str
    kind: str
    data: str
    why: str
    weight: Weight = Weight.NEEDED

    def to_json(self) -> dict[str, object]:
        """The fields, with the time to live."""
        return {
            "name": self.name,
            "type": self.kind,
            "ttl": TTL_S,
            "data": self.data,
            "why": self.why,
            "weight": self.weight.value,
        }
