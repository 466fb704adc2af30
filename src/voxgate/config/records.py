"""Call records: what is kept of calls, for how long, and who else is told."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from voxgate.config.fields import Section
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
    trace: Trace = Field(default=Trace(), description="SIP messages, kept for a while.")
