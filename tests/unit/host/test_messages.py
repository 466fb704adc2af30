"""Messages of a program that quotes strangers: whatever is quoted, it never stands at the beginning of one."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.host.launch import LONGEST_LINE_BYTES, Launch
from voxgate.host.messages import CONTINUED, MessageCutter
from voxgate.host.process import spawn

ME = pwd.getpwuid(os.geteuid()).pw_name
BEGIN = b" 5(1234) ERROR: "


def written(message: bytes, part: int) -> list[bytes]:
    """The writes by which glibc brings a message to an unbuffered stream."""
    return [message[at : at + part] for at in range(0, len(message), part)]


@pytest.mark.parametrize("part", [128, 8192])
@given(st.data())
def test_a_message_never_begins_with_what_is_quoted(part: int, data: st.DataObject) -> None:
    cutter = MessageCutter(1 << 20)
    # What an attacker would like to stand at the beginning, wherever parts may end.
    quoted = st.lists(st.sampled_from([b"\n", b"x", b"FORGED\n", b"x" * 100, b"y" * 8000]), max_size=12).map(b"".join)
    for _ in range(data.draw(st.integers(1, 5))):
        pid = data.draw(st.integers(1, 3))
        for piece in written(BEGIN + data.draw(quoted) + b"\n", part):
            told = cutter.feed(pid, piece)
            assert told is None or told.startswith((BEGIN, CONTINUED % pid))


@pytest.mark.parametrize("part", [128, 8192])
@pytest.mark.parametrize("whose", [7, 8])
def test_a_forged_message_that_begins_a_part_is_marked(part: int, whose: int) -> None:
    cutter = MessageCutter()
    forged = BEGIN + b"<core> [core/receive.c:376]: receive_msg(): it was somebody else\n"
    first = BEGIN + b"x" * (part - len(BEGIN) - 1) + b"\n"
    assert cutter.feed(7, first) == first[:-1][:LONGEST_LINE_BYTES]
    # Other processes write in between.
    assert cutter.feed(9, BEGIN + b"other\n") == BEGIN + b"other"
    assert cutter.feed(whose, forged) == (CONTINUED % 7 if whose == 7 else b"") + forged[:-1]
    # Whoever is through with his message begins another one.
    assert cutter.feed(whose, forged) == forged[:-1]


def test_what_the_kernel_knows_no_writer_of_is_no_beginning() -> None:
    assert MessageCutter().feed(0, BEGIN + b"x\n") == CONTINUED % 0 + BEGIN + b"x"


def test_parts_become_one_message_of_bounded_length() -> None:
    cutter = MessageCutter()
    *parts, last = written(BEGIN + b"z" * 100_000, 128)
    assert [cutter.feed(7, piece) for piece in parts] == [None] * len(parts)
    assert cutter.feed(7, last) == (BEGIN + b"z" * 100_000)[:LONGEST_LINE_BYTES]
    assert cutter.end() == []


def heard_of(program: str) -> list[bytes]:
    """The messages of a Python program."""
    heard: list[bytes] = []

    async def scene() -> None:
        child = await spawn(Launch((sys.executable, "-c", program), ME, quotes=True), heard.append)
        async with asyncio.timeout(60):
            assert await child.wait() == 0

    asyncio.run(scene())
    return heard


def test_a_program_that_quotes_is_heard_message_by_message_of_each_process() -> None:
    program = (
        "import os\n"
        "os.write(2, b' 1(1) ERROR: quoted\\nforged line\\n')\n"
        "os.write(1, b'')\n"
        "if os.fork() == 0:\n"
        "    os.write(2, b'y' * 127 + b'\\n'); os.write(2, b'of the same\\n'); os._exit(0)\n"
        "os.wait()\n"
        "os.write(2, b'of another\\n')\n"
        "os.write(1, b'without an end')\n"
    )
    said = heard_of(program)
    assert [re.sub(rb"by \d+", b"by N", one) for one in said] == [
        b" 1(1) ERROR: quoted\nforged line",
        b"y" * 127,
        b"(continued by N) of the same",
        b"of another",
        b"without an end",
    ]


def test_a_program_that_writes_more_than_is_read_at_once_loses_nothing() -> None:
    program = "import os\nfor number in range(20000): os.write(2, b'message %d\\n' % number)"
    assert heard_of(program) == [b"message %d" % number for number in range(20_000)]
