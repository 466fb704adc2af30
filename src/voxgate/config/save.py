"""Round trip: change one value of a configuration's text and keep the operator's comments and order. Pure."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.error import YAMLError

from voxgate.config.places import dotted
from voxgate.config.raw import SECRET
from voxgate.errors import UsageError

if TYPE_CHECKING:
    from voxgate.config.places import Path

_PART = re.compile(r"([A-Za-z0-9_+-]+)|\[(\d{1,6})\]")
_INDENTED_LIST = re.compile(r"^( *)[A-Za-z0-9_-]+:[^\n]*\n(?: *(?:#[^\n]*)?\n)*\1 +- ", re.MULTILINE)
_WIDTH = 4096  # no line of the operator's is folded

Value = str | int | float | bool | list["Value"] | dict[str, "Value"] | None


def set_value(text: str, key: str, value: Value) -> str:
    """`text` with `key` (`pbxs.hq.nodes[1].weight`) set; mappings on the way are made, list items are not.

    An index one past the end appends. Raises `UsageError` when the path does not fit the text.
    """
    return set_at(text, parse_key(key), value)


def set_at(text: str, path: Path, value: Value) -> str:
    """The same for a path. What stays the same inside a mapping or list keeps its comments.

    A secret is `{"$secret": NAME}`.
    """
    yaml, root = _parsed(text)
    key, (*parents, last) = dotted(path), path
    holder: Any = root
    for part in parents:
        holder = _step(holder, part, key, make=True)
    if isinstance(holder, list) and last == len(holder):
        holder.append(_node(value))
    elif _fits(holder, last):
        former = holder.get(last) if isinstance(holder, dict) else holder[last]
        holder[last] = _blended(former, value)
    else:
        raise _no_such(key)
    return _written(yaml, root)


def remove(text: str, key: str) -> str:
    """`text` without `key`. Raises `UsageError` when it is not there."""
    return remove_at(text, parse_key(key))


def remove_at(text: str, path: Path) -> str:
    """The same for a path."""
    yaml, root = _parsed(text)
    key, (*parents, last) = dotted(path), path
    holder: Any = root
    for part in parents:
        holder = _step(holder, part, key, make=False)
    _step(holder, last, key, make=False)
    del holder[last]
    return _written(yaml, root)


def parse_key(key: str) -> Path:
    """`pbxs.hq.nodes[1]` as a path. Raises `UsageError`."""
    parts: list[str | int] = []
    at = 0
    while at < len(key):
        match = _PART.match(key, at + 1 if parts and key[at] == "." else at)
        if match is None:
            raise UsageError(f"`{key}` is not a key: write it like pbxs.hq.nodes[1].weight")
        parts.append(match[1] or int(match[2]))
        at = match.end()
    if not parts:
        raise UsageError("a key is needed, for instance media.ports")
    return tuple(parts)


def _blended(old: Any, new: Value) -> Any:
    """`new`, in the former mapping or list as far as there is one: what is the same in it is left alone."""
    if isinstance(old, CommentedMap) and isinstance(new, dict) and SECRET not in new:
        for key in [key for key in old if key not in new]:
            del old[key]
        for key, value in new.items():
            old[key] = _blended(old.get(key), value)
        return old
    if isinstance(old, CommentedSeq) and isinstance(new, list):
        for at, value in enumerate(new):
            if at < len(old):
                old[at] = _blended(old[at], value)
            else:
                old.append(_node(value))
        del old[len(new) :]
        return old
    made = _node(new)
    if isinstance(old, TaggedScalar) and isinstance(made, TaggedScalar):
        return old if str(old.value) == str(made.value) else made
    return (
        old
        if type(new) in {bool, int, float, type(None)} and type(old) is type(new) and old == new
        else (old if isinstance(old, str) and isinstance(new, str) and old == new else made)
    )


def _node(value: Value) -> Any:
    """A value as ruamel writes it."""
    match value:
        case {"$secret": str() as name, **rest} if not rest:
            return TaggedScalar(value=name, style=None, tag="!secret")
        case dict():
            return CommentedMap((key, _node(inner)) for key, inner in value.items())
        case list():
            return CommentedSeq(_node(inner) for inner in value)
        case _:
            return value


def _fits(holder: Any, part: str | int) -> bool:
    """Whether `holder` has, or may get, something at `part`."""
    if isinstance(part, int):
        return isinstance(holder, list) and part < len(holder)
    return isinstance(holder, dict)


def _step(holder: Any, part: str | int, key: str, *, make: bool) -> Any:
    if not _fits(holder, part):
        raise _no_such(key)
    if isinstance(holder, dict) and holder.get(part) is None and make:
        holder[part] = CommentedMap()
    if isinstance(holder, dict) and part not in holder:
        raise _no_such(key)
    return holder[part]


def _no_such(key: str) -> UsageError:
    return UsageError(f"the configuration has no place for `{key}`")


def _parsed(text: str) -> tuple[YAML, CommentedMap]:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    if _INDENTED_LIST.search(text):
        yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        root = yaml.load(text)
    except YAMLError as error:
        raise UsageError(f"the configuration is not YAML: `voxgate check` says where ({error})") from None
    if root is None:
        root = CommentedMap()
    if not isinstance(root, CommentedMap):
        raise UsageError("the configuration is not a mapping of keys: `voxgate check` says where")
    return yaml, root


def _written(yaml: YAML, root: CommentedMap) -> str:
    out = StringIO()
    yaml.dump(root, out)
    return out.getvalue()
