"""HAProxy's runtime socket: what is asked, what an answer means, and a peer that behaves badly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voxgate.errors import EngineError, PeerError
from voxgate.wire.haproxy_runtime import RuntimeClient, certificate_payload, parse_info

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO = "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nPid: 4711\nUptime_sec: 3\nnode: edge: one\n\n"
CREATED = "Transaction created for certificate /x/certificate.pem!\n\n"
COMMITTED = "Committing /x/certificate.pem.\nSuccess!\n\n"
REFUSED = "unable to load certificate from file '/x/certificate.pem': no start line.\nCan't load the payload\n\n"
MISMATCH = "Can't commit /x/certificate.pem: inconsistencies between private key and certificate!\n\n"


def test_info_is_values_by_name() -> None:
    assert parse_info(INFO) == {
        "Name": "HAProxy",
        "Version": "2.6.12-1+deb12u4",
        "Pid": "4711",
        "Uptime_sec": "3",
        "node": "edge: one",
    }


def test_a_certificate_is_sent_without_the_empty_line_that_would_end_it() -> None:
    pem = b"-----BEGIN A-----\nAAAA\n-----END A-----\n\n-----BEGIN B-----\r\nBBBB\r\n-----END B-----\n"
    assert certificate_payload(Path("/x/c.pem"), pem) == (
        b"set ssl cert /x/c.pem <<\n"
        b"-----BEGIN A-----\nAAAA\n-----END A-----\n-----BEGIN B-----\nBBBB\n-----END B-----\n\n"
    )


async def against(folder: Path, answers: Mapping[bytes, str], ask: str, said: list[bytes] | None = None) -> object:
    """A method of the client against a socket that answers by the first words of what it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.read(65536)
        if said is not None:
            said.append(command)
        answer = next((text for start, text in answers.items() if command.startswith(start)), "Unknown command\n")
        # In two parts, as a busy machine would send it.
        writer.write(answer[:5].encode())
        await writer.drain()
        writer.write(answer[5:].encode())
        writer.close()

    client = RuntimeClient(folder / "s", timeout_s=2)
    async with await asyncio.start_unix_server(serve, folder / "s"):
        if ask == "info":
            return await client.info()
        await client.replace_certificate(Path("/x/certificate.pem"), b"PEM\n")
        return None


def test_a_certificate_is_staged_and_committed(tmp_path: Path) -> None:
    said: list[bytes] = []
    asyncio.run(against(tmp_path, {b"set ssl": CREATED, b"commit": COMMITTED}, "replace", said))
    assert [one.split(b" <<")[0] for one in said] == [
        b"set ssl cert /x/certificate.pem",
        b"commit ssl cert /x/certificate.pem\n",
    ]


@pytest.mark.parametrize(
    ("answers", "words", "aborts"),
    [
        ({b"set ssl": REFUSED}, "no start line", False),
        ({b"set ssl": CREATED, b"commit": MISMATCH}, "inconsistencies", True),
        ({}, "Unknown command", False),
    ],
)
def test_a_bad_certificate_is_refused_in_haproxys_words_and_leaves_nothing_staged(
    tmp_path: Path, answers: dict[bytes, str], words: str, aborts: bool
) -> None:
    said: list[bytes] = []
    with pytest.raises(EngineError, match=words):
        asyncio.run(against(tmp_path, answers, "replace", said))
    assert any(one.startswith(b"abort ssl cert") for one in said) is aborts


def test_nobody_there_and_somebody_else_there_are_the_peers_fault(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="no answer"):
        asyncio.run(RuntimeClient(tmp_path / "none").info())
    with pytest.raises(PeerError, match="no Pid"):
        asyncio.run(against(tmp_path, {}, "info"))
    assert asyncio.run(against(tmp_path, {b"show info": INFO}, "info"))
