"""Users and tokens: one file, `access.json`, that the running Voxgate reads and the command line changes, too.

    {"users": [{"name", "role", "password": see `passwords`, "changed": epoch seconds}],
     "tokens": [{"id", "name", "role", "digest": see `tokens`, "since": epoch seconds, "until": epoch seconds or null}],
     "setup": {"digest", "until"} or null}

`setup` is the one-time token with which the first administrator is made. Nothing in the file lets anybody in who
reads it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from voxgate.admin import tokens
from voxgate.admin.roles import Role
from voxgate.errors import HostError, UsageError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
MOST_USERS: Final = 200
MOST_TOKENS: Final = 500
_MODE: Final = 0o600
#: How long a one-time token is good.
SETUP_S: Final = 24 * 3600

T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class User(_Strict):
    """Somebody who logs in. `changed`: when password or role were last set; sessions from before are over."""

    name: str
    role: Role
    password: str
    changed: float


class Token(_Strict):
    """Something that asks the API; `until` None: for good."""

    id: str
    name: str
    role: Role
    digest: str
    since: float
    until: float | None = None

    @classmethod
    def new(cls, name: str, role: Role, days: int | None, now_s: float, random: tokens.Random) -> tuple[str, Token]:
        """A token as its owner gets it, and as it is kept; `days` None: it is good until it is removed."""
        token_id, token, kept = tokens.made(random)
        until = now_s + days * 86400 if days else None
        return token, cls(id=token_id, name=name, role=role, digest=kept, since=now_s, until=until)

    def data(self) -> dict[str, str | None]:
        """For people and programs."""
        times = {"since": _time(self.since), "until": _time(self.until)}
        return {"id": self.id, "name": self.name, "role": self.role.value, **times}


class Setup(_Strict):
    """The one-time token of the first administrator."""

    digest: str
    until: float


class Access(_Strict):
    """All of it."""

    users: tuple[User, ...] = ()
    tokens: tuple[Token, ...] = ()
    setup: Setup | None = None

    def user(self, name: str) -> User | None:
        """The user of that name."""
        return next((one for one in self.users if one.name == name), None)

    def token(self, token_id: str) -> Token | None:
        """The token of that id."""
        return next((one for one in self.tokens if one.id == token_id), None)

    def with_user(self, user: User) -> Access:
        """With `user`, new or instead of the one of that name; with an administrator, a set-up token is of no use.

        Raises UsageError when there are too many, or nobody could administer any more.
        """
        others = tuple(one for one in self.users if one.name != user.name)
        if len(others) >= MOST_USERS:
            raise UsageError(f"there are {len(others)} users\n    remove one first")
        self._require_administrator(user.name, (*others, user))
        setup = None if any(one.role is Role.ADMIN for one in (*others, user)) else self.setup
        return self.model_copy(update={"users": (*others, user), "setup": setup})

    def without_user(self, name: str) -> Access:
        """Raises UsageError when there is none, or nobody could administer any more."""
        if self.user(name) is None:
            raise UsageError(f"there is no user {name}\n    see `voxgate user list`")
        left = tuple(one for one in self.users if one.name != name)
        self._require_administrator(name, left)
        return self.model_copy(update={"users": left})

    def _require_administrator(self, name: str, left: tuple[User, ...]) -> None:
        was, remains = (any(one.role is Role.ADMIN for one in users) for users in (self.users, left))
        if was and not remains:
            raise UsageError(f"{name} is the last administrator\n    add another one first")

    def with_token(self, token: Token) -> Access:
        """Raises UsageError when there are too many."""
        if len(self.tokens) >= MOST_TOKENS:
            raise UsageError(f"there are {len(self.tokens)} tokens\n    remove one first: `voxgate token list`")
        return self.model_copy(update={"tokens": (*self.tokens, token)})

    def without_token(self, token_id: str) -> Access:
        """Raises UsageError when there is none."""
        if self.token(token_id) is None:
            raise UsageError(f"there is no token {token_id}\n    see `voxgate token list`")
        return self.model_copy(update={"tokens": tuple(one for one in self.tokens if one.id != token_id)})


def offered_setup(access: Access, now_s: float, random: tokens.Random) -> tuple[Access, str]:
    """With a new one-time token, and that token; empty when there is an administrator already."""
    if any(user.role is Role.ADMIN for user in access.users):
        return access, ""
    _, token, kept = tokens.made(random)
    return access.model_copy(update={"setup": Setup(digest=kept, until=now_s + SETUP_S)}), token


def require_name(name: str) -> str:
    """A name of a user or a token. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError("that is no name\n    use up to 64 letters, digits and . _ - @, a letter or digit first")
    return name


@dataclass(frozen=True, slots=True)
class _Seen:
    """The file as it was when we last looked."""

    stamp: tuple[int, int, int]
    access: Access


class AccessFile:
    """The file in `folder`. Raises HostError when it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "access.json"
        self._seen: _Seen | None = None

    def now(self) -> Access:
        """As it is at this moment; read again only when it has changed."""
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return Access()
        except OSError as error:
            advice = "run this as root, or with sudo"
            raise HostError(f"{self._path} cannot be read: {error.strerror}", advice) from error
        stamp = (state.st_mtime_ns, state.st_ino, state.st_size)
        if self._seen is None or self._seen.stamp != stamp:
            self._seen = _Seen(stamp, self._read())
        return self._seen.access

    def change(self, how: Callable[[Access], tuple[Access, T]]) -> T:
        """Make it what `how` makes of it, one change at a time; gives what `how` gives beside."""
        files.ensure_folder(self._folder, mode=0o700)
        with self._alone():
            access, given = how(self._read() if self._path.exists() else Access())
            text = json.dumps(access.model_dump(mode="json"), indent=1)
            files.write(self._path, text.encode() + b"\n", mode=_MODE)
        return given

    def _read(self) -> Access:
        try:
            return Access.model_validate_json(files.read(self._path, most_bytes=4 << 20))
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            what = f"{self._path} is damaged at {where or 'its beginning'}"
            raise HostError(what, "restore it, or remove it") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A lock on a file of its own: `access.json` itself is replaced."""
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _time(epoch_s: float | None) -> str | None:
    return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
