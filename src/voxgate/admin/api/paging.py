"""Lists, in bounded pieces."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel


class Piece(BaseModel):
    """`total` is how many there are; `items` those from `offset` on, `limit` at most."""

    items: list[dict[str, Any]]
    total: int
    limit: int
    offset: int


class Wanted:
    """Which piece is wanted. `search`: a text that one of an item's values holds."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        search: Annotated[str, Query(max_length=100)] = "",
    ) -> None:
        self.limit = limit
        self.offset = offset
        self.search = search.lower()

    def of(self, items: Sequence[dict[str, Any]]) -> Piece:
        """That piece of `items`."""
        found = [item for item in items if _holds(item, self.search)] if self.search else items
        return Piece(
            items=list(found[self.offset : self.offset + self.limit]),
            total=len(found),
            limit=self.limit,
            offset=self.offset,
        )


def _holds(value: Any, text: str) -> bool:
    match value:
        case str():
            return text in value.lower()
        case dict():
            return any(_holds(inner, text) for inner in value.values())
        case list() | tuple():
            return any(_holds(inner, text) for inner in value)
        case _:
            return text == str(value).lower()


Paging = Annotated[Wanted, Depends()]
