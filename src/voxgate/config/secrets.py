"""`!secret NAME`: a value that is not in the configuration, looked up in three places and never printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic_core import core_schema

from voxgate.config.scalars import ScalarError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_LENGTH_LIMIT = 64 * 1024
_READABLE_BY_OTHERS = 0o044


class Secret:
    """Text that shows itself only when asked by `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; for the file of the engine that needs it, and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _only_secret, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "***")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "description": "Written as `!secret NAME`, never as plain text."}


def _only_secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    raise ScalarError("a secret stands here in plain text", "write `!secret NAME` and keep the value elsewhere")


class SecretError(Exception):
    """A secret cannot be had: `message` says why, `advice` what to do."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class SecretReader(Protocol):
    """Where secrets come from."""

    def read(self, name: str) -> Secret:
        """The secret called `name`. Raises `SecretError`."""
        ...


@dataclass(frozen=True, slots=True)
class SecretPlaces:
    """The environment, `folder` (`secrets` beside the configuration), systemd credentials, in this order."""

    folder: Path
    environ: Mapping[str, str]

    def read(self, name: str) -> Secret:
        """Look `name` up. Raises `SecretError` when it is nowhere, or in a file that others may read."""
        if not _NAME.match(name):
            raise SecretError(
                f"`{name}` cannot be a secret's name", "use up to 64 letters, digits, hyphens and underscores"
            )
        variable = f"VOXGATE_SECRET_{name.upper().replace('-', '_')}"
        if variable in self.environ:
            return Secret(self.environ[variable])
        beside = self.folder / name
        if beside.exists():
            if beside.stat().st_mode & _READABLE_BY_OTHERS:
                raise SecretError(f"others may read {beside}", f"chmod 600 {beside}")
            return _read(beside)
        credentials = self.environ.get("CREDENTIALS_DIRECTORY")
        if credentials and (Path(credentials) / name).exists():
            return _read(Path(credentials) / name)
        raise SecretError(
            f"the secret {name} is in none of its three places",
            f"set the variable {variable}, or write it to {beside} (mode 600), "
            f"or pass it by systemd (LoadCredential={name}:FILE)",
        )


def _read(path: Path) -> Secret:
    """One line of UTF-8 text; the line's end is not part of the secret."""
    try:
        with path.open("rb") as file:
            content = file.read(_LENGTH_LIMIT + 1)
        if not content.strip():
            raise SecretError(f"{path} is empty", "write the secret into it")
        if len(content) > _LENGTH_LIMIT:
            raise SecretError(f"{path} is too large for a secret", "64 KiB are the most")
        return Secret(content.decode("utf-8").rstrip("\r\n"))
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}", "check the file and its owner") from None
    except UnicodeDecodeError:
        raise SecretError(f"{path} is not text", "write the secret as one line of UTF-8 text") from None
