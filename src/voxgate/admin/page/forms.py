"""What a browser's form brings: names and texts, bounded."""

from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from voxgate.admin.problems import ApiError

_KIND: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 500


class Form:
    """The fields; what is missing is empty."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """The first of that name, without white space around it and with the line ends of Unix."""
        return self.raw(name).replace("\r\n", "\n").strip()

    def raw(self, name: str) -> str:
        """As it was sent: for passwords."""
        return next((value for key, value in self._fields if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every one of that name."""
        return [value for key, value in self._fields if key == name]

    def has(self, name: str) -> bool:
        """Whether it was sent: a check box that is off is not."""
        return any(key == name for key, _ in self._fields)


async def form_of(request: Request) -> Form:
    """The form in a request's body. Raises ApiError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and kind != _KIND:
        raise ApiError(415, "this is not a form")
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise ApiError(422, "the form cannot be read") from error
