"""Lists on pages: searched and cut into pieces by the server, whatever their length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, Query

from voxgate.admin.api.paging import Wanted

PIECE: Final = 50


@dataclass(frozen=True, slots=True)
class Piece:
    """`items` of `total`, from the `first` on (from 1); `former` and `next` are queries, empty where there is none."""

    items: list[Any]
    total: int
    first: int
    last: int
    former: str
    next: str
    search: str


class Search:
    """What a list's address says: `q` is searched for, `from` is where the piece begins."""

    def __init__(
        self,
        q: Annotated[str, Query(max_length=100)] = "",
        at: Annotated[int, Query(ge=0, le=1_000_000, alias="from")] = 0,
    ) -> None:
        self.text = q.strip()
        self.at = at

    def of(self, items: Sequence[dict[str, Any]]) -> Piece:
        """The piece of `items` that is wanted."""
        found = Wanted(PIECE, self.at, self.text).of(items)
        return self.piece(found.items, found.total)

    def piece(self, items: list[Any], total: int) -> Piece:
        """For a list that was searched and cut already."""
        last = self.at + len(items)
        former = self._query(max(0, self.at - PIECE)) if self.at else ""
        return Piece(items, total, self.at + 1, last, former, self._query(last) if last < total else "", self.text)

    def _query(self, at: int) -> str:
        return "?" + urlencode({"q": self.text, "from": at})


Searched = Annotated[Search, Depends()]
