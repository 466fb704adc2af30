"""Kamailio's shared tables as dictionaries behind the strict stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tests.ksr.fake import FakeKsr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ksr.fake import Signature


class Shared:
    """The tables of a stand-in; a lock that is taken twice, or not given back, is an error."""

    def __init__(self, fake: FakeKsr | None = None) -> None:
        self.fake = fake or FakeKsr()
        self.tables: dict[str, dict[str, str]] = {}
        self.locked: set[tuple[str, str]] = set()
        self._rest: Iterator[tuple[str, str]] = iter(())
        self._item = ("", "")
        self._answer = self.fake._answer
        self.fake._answer = self._of_tables  # type: ignore[method-assign]

    def used(self, subject: str) -> int:
        """Calls that the counter of a subject says."""
        return int(self.tables.get("used", {}).get(subject, "0"))

    def _of_tables(self, name: str, signature: Signature, args: tuple[str, ...]) -> object:
        if args in {("$shtitkey(sweep)",), ("$shtitval(sweep)",)}:
            return self._item[int("val" in args[0])]
        if not name.startswith("htable.") or name in self.fake.answers:
            return self._answer(name, signature, args)
        return self._table(name.removeprefix("htable.sht_"), args)

    def _table(self, verb: str, args: tuple[str, ...]) -> object:
        table = self.tables.setdefault(args[0], {}) if not verb.startswith("iterator") else {}
        match verb:
            case "get":
                return table.get(args[1])
            case "setxs" | "setxi":
                table[args[1]] = str(args[2])
            case "inc" | "dec":
                assert (args[0], args[1]) not in self.locked
                table[args[1]] = str(int(table.get(args[1], "0")) + (1 if verb == "inc" else -1))
                return int(table[args[1]])
            case "rm":
                table.pop(args[1], None)
            case "lock":
                assert (args[0], args[1]) not in self.locked
                self.locked.add((args[0], args[1]))
            case "unlock":
                self.locked.remove((args[0], args[1]))
            case "iterator_start":
                self._rest = iter(list(self.tables.get(args[1], {}).items()))
            case "iterator_next":
                item = next(self._rest, None)
                self._item = item or ("", "")
                return 1 if item else -1
        return cast("object", 1)
