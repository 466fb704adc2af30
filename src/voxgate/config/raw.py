"""The configuration as it is written, as plain values, and an ETag for any part of it. Pure.

A secret is `{"$secret": NAME}`; its value is not known here.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from voxgate.config.document import Items, Keys, Node, Scalar, SecretName, parse
from voxgate.config.merge import merge
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.config.load import Source
    from voxgate.config.places import Path, Place

SECRET: Final = "$secret"  # noqa: S105  a key's name
_MISSING: Final = object()


def tree(sources: Iterable[Source]) -> Keys:
    """All files as one tree. Raises ConfigError where one is not to be read, or two contradict each other."""
    documents = [parse(source.text, source.path) for source in sources]
    problems = tuple(problem for document in documents for problem in document.problems)
    roots = tuple(document.root for document in documents if document.root is not None)
    if problems or not roots:
        raise ConfigError(problems)
    root, conflicts = merge(roots)
    if conflicts:
        raise ConfigError(conflicts)
    return root


def plain(node: Node) -> Any:
    """As values of JSON."""
    match node:
        case Keys(entries=entries):
            return {key: plain(inner) for key, (_, inner) in entries.items()}
        case Items(items=items):
            return [plain(item) for item in items]
        case Scalar(value=SecretName(name=name)):
            return {SECRET: name}
        case Scalar(value=value):
            return value


def value_at(value: Any, path: Path) -> Any:
    """What stands at `path`; `missing(...)` tells when nothing does."""
    for part in path:
        match value, part:
            case dict(), _ if part in value:
                value = value[part]
            case list(), int() if 0 <= part < len(value):
                value = value[part]
            case _:
                return _MISSING
    return value


def missing(value: Any) -> bool:
    """Whether `value_at` found nothing."""
    return value is _MISSING


def place_of(root: Keys, path: Path) -> Place | None:
    """Where the key at `path` stands; None for lists' items and what is not there."""
    place, node = None, root
    for part in path:
        if not isinstance(node, Keys) or part not in node.entries:
            return None
        place, inner = node.entries[str(part)]
        node = inner  # type: ignore[assignment]
    return place


def etag(value: Any) -> str:
    """The same for the same value, however it is written; a fixed one for what is not there."""
    if missing(value):
        return "none"
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def etag_of_files(sources: Iterable[Source]) -> str:
    """Of all files, comments included."""
    digest = hashlib.sha256()
    for source in sources:
        for text in (source.path.rpartition("/")[2], source.text):
            digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()[:32]
