"""Files -> `Config`, or every problem at once with file, line, key and advice."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from voxgate.config.certificate import check_certificates, check_trunk_tls
from voxgate.config.client_certificates import check_client_certificates
from voxgate.config.crosscheck import cross_check
from voxgate.config.document import Items, Keys, Scalar, SecretName, parse
from voxgate.config.findings import findings
from voxgate.config.later import take_out
from voxgate.config.merge import merge
from voxgate.config.model import Config
from voxgate.config.parts import Parts
from voxgate.config.places import Place, Places, problem_at
from voxgate.config.secrets import Secret, SecretError, SecretPlaces
from voxgate.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.document import Node
    from voxgate.config.places import Path as KeyPath
    from voxgate.config.secrets import SecretReader

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_TOTAL_BYTES = 16 * 1024 * 1024
MAX_FILES = 2000


@dataclass(frozen=True, slots=True)
class Source:
    """One file as it was read; `path` as problems name it."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A good configuration, the files it came from (the main one first), and warnings."""

    config: Config
    sources: tuple[Source, ...]
    warnings: tuple[Problem, ...]
    places: Places

    def place(self, error: ConfigError) -> ConfigError:
        """`error` from a later check of the same configuration, with file and line put to its keys."""
        return ConfigError(self.places.put(error.problems))


def load(path: Path, secrets: SecretReader | None = None, now: datetime | None = None) -> Loaded:
    """Read `path` and `conf.d/*.yaml` beside it, in the order of their names.

    `secrets` defaults to the three places (environment, `secrets/` beside `path`, systemd credentials),
    `now` to the clock; it decides about certificates' dates. Raises `ConfigError` with all problems.
    """
    return load_sources(read_sources(path), secrets or default_secrets(path), now or datetime.now(UTC))


def default_secrets(path: Path) -> SecretPlaces:
    """Where the secrets of the configuration `path` are looked up."""
    return SecretPlaces(path.parent / "secrets", os.environ)


def read_sources(path: Path) -> tuple[Source, ...]:
    """The text of the main file and of `conf.d/*.yaml`. Raises `ConfigError` for all unreadable ones."""
    sources: list[Source] = []
    problems: list[Problem] = []
    folder = path.parent / "conf.d"
    others = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    if len(others) > MAX_FILES:
        message, advice = f"holds {len(others)} files", f"{MAX_FILES} are the most: join some of them"
        raise ConfigError((problem_at(Place(str(folder), 0), (), message, advice),))
    left = MAX_TOTAL_BYTES
    for file in (path, *others):
        source = _read(file, min(MAX_FILE_BYTES, left))
        if isinstance(source, Problem):
            problems.append(source)
        else:
            sources.append(source)
            left -= len(source.text)
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(sources)


def _read(path: Path, limit: int) -> Source | Problem:
    try:
        if path.exists() and not path.is_file():  # a pipe would keep us waiting
            return _about_file(path, "is not a file", "give the path of a YAML file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        return _about_file(path, "does not exist", "`voxgate init` writes one; or give the path of yours")
    except OSError as error:
        return _about_file(path, f"cannot be read: {error.strerror}", "check that it is a file and who may read it")
    if len(content) > limit:
        return _about_file(path, "is too large", "4 MiB for one file and 16 MiB together are the most")
    try:
        return Source(str(path), content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = Place(str(path), line)
        return problem_at(place, (), "the file is not UTF-8 text here", "save it as UTF-8 in your editor")


def _about_file(path: Path, message: str, advice: str) -> Problem:
    return problem_at(Place(str(path), 0), (), message, advice)


def load_sources(sources: tuple[Source, ...], secrets: SecretReader, now: datetime) -> Loaded:
    """`load` for texts already read, the main file first; reads nothing but certificate files and secrets."""
    problems: list[Problem] = []
    roots: list[Keys] = []
    for source in sources:
        document = parse(source.text, source.path)
        problems += document.problems
        if document.root is not None:
            roots.append(document.root)
    main = Place(sources[0].path, 0)
    if len(roots) < len(sources):  # what the unreadable file says is not known: no use in looking for gaps
        raise ConfigError(in_order(problems, sources))
    if not any(root.entries for root in roots):
        message, advice = (
            "the file is empty",
            "`voxgate init` writes a first one; `edge` and `pbxs` are needed",
        )
        raise ConfigError((*in_order(problems, sources), problem_at(main, (), message, advice)))
    root, conflicts = merge(tuple(roots))
    root, unsupported = take_out(root)
    problems += [*conflicts, *unsupported]
    by_path: dict[KeyPath, Place] = {}
    values = _Values(secrets, by_path, [])
    data = {key: values.value(node, (key,), place) for key, (place, node) in root.entries.items()}
    places = Places(main, by_path)
    config = _validated(data, places, problems)
    wrong_keys = {problem.key for problem in problems}  # there the missing secret is the lesser mistake
    problems += [problem for problem in values.missing if problem.key not in wrong_keys]
    parts = Parts.of_config(config) if config else Parts.of_data(data)
    problems += cross_check(parts, places)
    wrong, warnings = check_certificates(parts, places, now)
    wrong_tls, doubts = check_trunk_tls(parts, places, now)
    problems += (*wrong, *wrong_tls, *check_client_certificates(parts, places))
    if problems or config is None:
        raise ConfigError(in_order(problems, sources))
    return Loaded(config, sources, in_order([*warnings, *doubts], sources), places)


@dataclass(frozen=True, slots=True)
class _Values:
    """Turns the tree into plain values, looks secrets up, and notes where everything is."""

    secrets: SecretReader
    by_path: dict[KeyPath, Place]
    missing: list[Problem]

    def value(self, node: Node, path: KeyPath, place: Place) -> object:
        """The plain value of `node`; `place` is that of its key."""
        self.by_path[path] = place
        match node:
            case Keys(entries=entries):
                return {key: self.value(inner, (*path, key), at) for key, (at, inner) in entries.items()}
            case Items(items=items):
                return [self.value(item, (*path, index), item.place) for index, item in enumerate(items)]
            case Scalar(value=SecretName(name=name)):
                return self._secret(name, path, node.place)
            case Scalar(value=value):
                return value

    def _secret(self, name: str, path: KeyPath, place: Place) -> Secret:
        try:
            return self.secrets.read(name)
        except SecretError as error:
            self.missing.append(problem_at(place, path, error.message, error.advice))
            return Secret("")


def _validated(data: dict[str, object], places: Places, problems: list[Problem]) -> Config | None:
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        problems += findings(error, Config, places)
        return None


def in_order(problems: list[Problem], sources: tuple[Source, ...]) -> tuple[Problem, ...]:
    """By file (the main one first), then by line; one key of one line is named once."""
    rank = {source.path: index for index, source in enumerate(sources)}
    once = {(problem.file, problem.line, problem.key, problem.message): problem for problem in problems}
    return tuple(sorted(once.values(), key=lambda problem: (rank.get(problem.file, 0), problem.line)))
