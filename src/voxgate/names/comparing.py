"""What name servers answer against what they should. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from voxgate.names.record import Record, Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Answered:
    """The data of all records of a name and kind, as a zone file has it; `silent`: why there is no answer."""

    data: frozenset[str] = frozenset()
    silent: str = ""


class Grade(Enum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one name and kind, why it matters, and the exact cure."""

    grade: Grade
    name: str
    kind: str
    what: str
    why: str
    cure: str

    def to_json(self) -> dict[str, object]:
        """The fields."""
        return {
            "grade": self.grade.value,
            "name": self.name,
            "type": self.kind,
            "what": self.what,
            "why": self.why,
            "cure": self.cure,
        }


_MISSING: Final = {Weight.NEEDED: Grade.ERROR, Weight.USEFUL: Grade.WARNING, Weight.OPTIONAL: Grade.NOTE}

Asked = tuple[str, str]


def asked(planned: Iterable[Record]) -> tuple[Asked, ...]:
    """The names and kinds to ask for: where there is an address of one IP version only, the other one, too."""
    found = dict.fromkeys((one.name, one.kind) for one in planned)
    for name, kind in tuple(found):
        if kind in {"A", "AAAA"}:
            found |= {(name, "A"): None, (name, "AAAA"): None}
    return tuple(found)


def compare(planned: Iterable[Record], answers: Mapping[Asked, Answered]) -> tuple[Finding, ...]:
    """Every difference, the worst first."""
    groups: dict[Asked, list[Record]] = {}
    for one in planned:
        groups.setdefault((one.name, one.kind), []).append(one)
    found = [finding for key, answer in answers.items() for finding in _judge(key, groups.get(key, []), answer, groups)]
    return tuple(sorted(found, key=lambda one: tuple(Grade).index(one.grade)))


def _judge(
    key: Asked, wanted: list[Record], answer: Answered, groups: Mapping[Asked, list[Record]]
) -> Iterator[Finding]:
    name, kind = key
    lines = "; ".join(f"{one.name}. {one.kind} {one.data}" for one in wanted)
    if answer.silent:
        cure = "see to the name servers of the zone, and to the resolver of this machine"
        grade = _MISSING[wanted[0].weight] if wanted else Grade.NOTE
        yield Finding(grade, name, kind, f"cannot be looked up: {answer.silent}", _why(wanted), cure)
    elif not wanted:
        yield from _other_version(name, kind, answer, groups)
    elif not answer.data:
        grade = _MISSING[wanted[0].weight]
        yield Finding(grade, name, kind, "is not there", _why(wanted), f"add {lines}")
    elif extra := answer.data - {_plain(one.data) for one in wanted}:
        # An address at a name that may be a web site's is its owner's business; NAPTR may name other services.
        grade = Grade.NOTE if wanted[0].weight is Weight.OPTIONAL else Grade.ERROR
        yield Finding(
            grade, name, kind, f"leads elsewhere: {', '.join(sorted(extra))}", _why(wanted), f"replace it by {lines}"
        )
    elif missing := [one for one in wanted if _plain(one.data) not in answer.data]:
        grade = Grade.NOTE if missing[0].weight is Weight.OPTIONAL else Grade.WARNING
        lines = "; ".join(f"{one.name}. {one.kind} {one.data}" for one in missing)
        yield Finding(grade, name, kind, "is not complete", _why(missing), f"add {lines}")


def _other_version(name: str, kind: str, answer: Answered, groups: Mapping[Asked, list[Record]]) -> Iterator[Finding]:
    """An address of the IP version that the edge has not: clients that try it first wait, or fail."""
    beside = groups.get((name, "AAAA" if kind == "A" else "A"), [])
    if answer.data and beside and beside[0].weight is Weight.NEEDED:
        what = f"leads to {', '.join(sorted(answer.data))}, and the edge has no such address"
        why = "clients that try it first wait for a time-out, or fail"
        yield Finding(Grade.ERROR, name, kind, what, why, f"remove {name}. {kind} {', '.join(sorted(answer.data))}")


def _why(wanted: list[Record]) -> str:
    return wanted[0].why if wanted else "clients may be led astray"


def _plain(data: str) -> str:
    """As `asking` writes what it read."""
    return data.replace('"', "").rstrip(".").lower()
