"""HAProxy's maps: what differs between two contents, and commands that lead from one to the other and no further."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.wire.haproxy_maps import (
    LONGEST_COMMAND,
    additions,
    changes,
    difference,
    parse,
    removals,
    worthwhile,
)

PATH = Path("/run/x.map")
WORDS = st.text(st.sampled_from("abz09./|-%"), min_size=1, max_size=6)
MAPS = st.dictionaries(WORDS, WORDS, max_size=8)


def obey(held: dict[str, str], commands: list[bytes]) -> dict[str, str]:
    """What a map holds after commands, as the management guide (9.3) explains them."""
    held = dict(held)
    for command in commands:
        head, payload, rest = command.partition(b" <<\n")
        if payload:
            assert head == b"add map /run/x.map"
            assert rest.endswith(b"\n\n")
            held |= parse(rest[:-1])
        else:
            for one in command.decode().split(";"):
                verb, _, path, key, *value = one.split(" ")
                assert path == str(PATH)
                assert key in held, "HAProxy would say that there is no such key"
                if verb == "set":
                    (held[key],) = value
                else:
                    del held[key]
    return held


@given(MAPS, MAPS)
def test_a_difference_leads_from_one_content_to_the_other(old: dict[str, str], new: dict[str, str]) -> None:
    found = difference(old, new)
    grown = obey(old, [*additions(PATH, found.added), *changes(PATH, found.changed)])
    # What is new is there before anything goes.
    assert grown == {**old, **new}
    assert obey(grown, [*removals(PATH, found.removed)]) == new


def test_an_equal_content_takes_no_command() -> None:
    found = difference({"a": "1"}, {"a": "1"})
    assert [*additions(PATH, found.added), *changes(PATH, found.changed), *removals(PATH, found.removed)] == []


def test_no_command_is_longer_than_haproxy_reads_and_none_is_empty() -> None:
    many = {f"{number:0200}": "1" for number in range(500)}
    for commands in (additions(PATH, many), changes(PATH, many), removals(PATH, many)):
        lengths = [len(command) for command in commands]
        assert len(lengths) > 1
        assert max(lengths) < LONGEST_COMMAND + 300
        assert min(lengths) > 200


def test_entries_of_a_version_that_is_prepared_go_into_that_one() -> None:
    (command,) = additions(PATH, {"a": "1"}, "7")
    assert command == b"add map @7 /run/x.map <<\na 1\n\n"


@pytest.mark.parametrize("word", ["", "a b", "a;b", "a\nb", 'a"b', "a\\b", "a'b", "\x00"])
def test_a_word_that_could_end_a_command_is_a_bug(word: str) -> None:
    for commands in (additions(PATH, {word: "1"}), changes(PATH, {"a": word}), removals(PATH, [word])):
        with pytest.raises(AssertionError):
            list(commands)


def test_a_map_is_changed_by_single_entries_only_while_that_is_cheap() -> None:
    assert worthwhile(10, 10_000)
    assert not worthwhile(1000, 200_000)
    assert worthwhile(0, 10**9)
