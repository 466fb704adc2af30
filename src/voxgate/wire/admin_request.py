"""What administrators ask for over the control socket beside looking: changes of the configuration, lines of the log.

    {"verb": "edit", "changes": [{"key": ["pbxs", "hq"], "value": JSON, "remove": bool}], "match": text or null,
     "at": ["pbxs", "hq"], "dry": bool, "yes": bool, "files": {path: text} or null}
    {"verb": "metrics"}
    {"verb": "logs", "unit": text, "level": text, "text": text, "limit": N, "call": text, "address": text, "pbx": text}

`match` is the ETag that the value at `at` must still have. `files` replaces the configuration's files, paths
relative to the main file's folder. A secret in a value is `{"$secret": NAME}`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Callable

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One value of the configuration: set, or removed."""

    key: Path
    value: Any = None
    remove: bool = False


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Change the configuration's files and make them effective; `dry`: only tell what would be done."""

    changes: tuple[Change, ...] = ()
    match: str | None = None
    at: Path = ()
    dry: bool = False
    yes: bool = False
    files: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MetricsRequest:
    """Counters and gauges of the edge and its engines."""


@dataclass(frozen=True, slots=True)
class LogsRequest:
    """The newest lines of the log that fit: an engine or `voxgate`, this level or worse, and a text in them.

    `call` is a Call-ID or the number of a record; `address` a whole address; `pbx` what names a PBX, its nodes or its
    names.
    """

    unit: str = ""
    level: str = ""
    text: str = ""
    limit: int = 200
    call: str = ""
    address: str = ""
    pbx: str = ""


AdminRequest = EditRequest | MetricsRequest | LogsRequest


def edit_request(fields: dict[str, Any]) -> EditRequest:
    """The request in the fields of a line. Raises PeerError."""
    match fields:
        case {
            "changes": list() as changes,
            "match": str() | None as match,
            "at": list() as at,
            "dry": bool() as dry,
            "yes": bool() as yes,
            "files": dict() | None as files,
            **rest,
        } if not rest and (files is None or all(isinstance(text, str) for text in files.values())):
            return EditRequest(tuple(map(_change, changes)), match, _key(at), dry, yes, files)
    raise PeerError("not a change of the configuration")


def metrics_request(fields: dict[str, Any]) -> MetricsRequest:
    """The same; it has no fields."""
    if fields:
        raise PeerError("not a question for metrics")
    return MetricsRequest()


def logs_request(fields: dict[str, Any]) -> LogsRequest:
    """The same."""
    limit = fields.get("limit")
    texts = {name: value for name, value in fields.items() if name != "limit"}
    whole = fields.keys() == {field.name for field in dataclasses.fields(LogsRequest)}
    if whole and type(limit) is int and limit > 0 and all(isinstance(text, str) for text in texts.values()):
        return LogsRequest(limit=limit, **texts)
    raise PeerError("not a question about the log")


def _change(fields: object) -> Change:
    match fields:
        case {"key": list() as key, "value": value, "remove": bool() as remove, **rest} if not rest and key:
            return Change(_key(key), value, remove)
    raise PeerError("not a change of the configuration")


def _key(parts: list[Any]) -> Path:
    if all(type(part) in {str, int} for part in parts):
        return tuple(parts)
    raise PeerError("not a key of the configuration")


VERBS: dict[str, type[AdminRequest]] = {"edit": EditRequest, "metrics": MetricsRequest, "logs": LogsRequest}
DECODERS: dict[str, Callable[[dict[str, Any]], AdminRequest]] = {
    "edit": edit_request,
    "metrics": metrics_request,
    "logs": logs_request,
}
