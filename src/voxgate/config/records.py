"""Call records: what is kept of calls, for how long, and who else is told."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from voxgate.config.fields import Port, Section
from voxgate.config.scalars import Kind, ScalarError
from voxgate.config.secrets import Secret
from voxgate.config.trace import Trace


def _url(text: str) -> str:
    parts = urlsplit(text)
    good = text.isascii() and text.isprintable() and " " not in text
    if not good or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ScalarError(f"`{text}` is no URL", "write https://cdr.example.com/voxgate")
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or text.endswith("/") or not text.isprintable():
        raise ScalarError(f"`{text}` is no absolute path of a file", "write /var/log/voxgate/cdr.jsonl")
    return text


Url = Annotated[str, AfterValidator(_url), Kind("URL")]
FilePath = Annotated[str, AfterValidator(_path), Kind("absolute path of a file")]


class Push(Section):
    """Each finished record is posted to a web server as JSON; what cannot be delivered waits on disk."""

    url: Url = Field(description="Where records are posted to: a JSON array of up to 100 of them.")
    token: Secret | None = Field(default=None, description="Sent as `Authorization: Bearer`.")


def _host(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", text) or (
        text.startswith("/") and len(text) < 100 and text.isprintable()
    ):
        return text
    raise ScalarError(
        f"`{text}` is no host", "write db.example.com, 192.0.2.9, or the folder of a socket: /run/postgresql"
    )


def _table(text: str) -> str:
    if re.fullmatch(r"[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?", text):
        return text
    raise ScalarError(f"`{text}` is no name of a table", "write voxgate_cdr, or with its schema: billing.voxgate_cdr")


def _name(text: str) -> str:
    if text and len(text) < 64 and text.isprintable():
        return text
    raise ScalarError(f"`{text}` is no name", "write up to 63 printable characters")


Name = Annotated[str, AfterValidator(_name), Kind("name")]


class Postgresql(Section):
    """Each finished record becomes a row of a table; while the database is away, records wait on disk."""

    host: Annotated[str, AfterValidator(_host), Kind("host name, IP address or folder of a socket")] = Field(
        description="Where the database is: a name, an address, or the folder of its socket (`/run/postgresql`)."
    )
    port: Port = Field(default=5432, description="Its port; of a socket, the number in its name.")
    database: Name = Field(description="Name of the database.")
    user: Name = Field(description="Who writes. It needs INSERT, SELECT and UPDATE on the table, or may make it.")
    password: Secret | None = Field(default=None, description="Its password.")
    table: Annotated[str, AfterValidator(_table), Kind("name of a table")] = Field(
        default="voxgate_cdr", description="The table; it is made where there is none."
    )
    tls: Literal["off", "require", "verify"] = Field(
        default="verify",
        description="`verify`: the server's certificate must be good for `host`; `require`: TLS with anybody's. Over a "
        "socket of this machine nothing is encrypted.",
    )
    ca: FilePath | None = Field(
        default=None, description="File with the authorities that may have signed it. Default: the system's."
    )


class Records(Section):
    """What is kept of calls."""

    enabled: bool = Field(default=True, strict=True, description="Keep a record (CDR) of each attempt to call.")
    keep_days: int = Field(default=90, strict=True, ge=1, le=3650, description="How long records are kept.")
    most: int = Field(
        default=2_000_000,
        strict=True,
        ge=1000,
        le=100_000_000,
        description="How many records are kept at most; the oldest give way. A million takes about 1.5 GB.",
    )
    json_lines: FilePath | None = Field(
        default=None,
        description="File to which each finished record is appended as one line of JSON. It is opened anew for each "
        "batch, so that it can be rotated.",
    )
    push: Push | None = Field(default=None, description="Web server to which finished records are posted.")
    postgresql: Postgresql | None = Field(
        default=None, description="PostgreSQL database into which finished records are written."
    )
    trace: Trace = Field(default=Trace(), description="SIP messages, kept for a while.")
