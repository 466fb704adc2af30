"""How long things wait and how they end: slow readers, orders to close, failures, what is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.router.driver.world import CKL, directory, pbx, run, world
from tests.unit.router.ldap.messages import BOUND, UNBIND, bind, search, tlv
from voxgate.router.events import ClientSent
from voxgate.router.ldap.connection import LdapConnection

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from voxgate.router.commands import Command
    from voxgate.router.events import Event
    from voxgate.router.rules import Rules


def test_a_client_that_does_not_read_holds_its_pbx_back(tmp_path: Path) -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readexactly(len(CKL))
        writer.write(b"\x30\x84\x7f\x00\x00\x00\x02\x01\x02\x64")
        while True:
            writer.write(b"z" * 65536)
            await writer.drain()
            sent += 65536

    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(flood) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            await reader.readexactly(10)
            before = -1
            while sent != before:  # until nothing moves any more
                before = sent
                await asyncio.sleep(0.2)
            # Socket buffers on the way and the transports' limits; without holding back it would never stand still.
            assert sent < 32 << 20
            while sent < before + (8 << 20):
                await reader.read(1 << 20)
            writer.transport.abort()

    run(scene)


def test_unbind_closes_both_sides(tmp_path: Path) -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(CKL))
        writer.write(BOUND)
        assert await reader.readexactly(len(UNBIND)) == UNBIND
        writer.close()
        closed.set()

    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(serve) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL + UNBIND)
            assert await reader.read() == BOUND
            await closed.wait()

    run(scene)


def test_a_pbx_that_does_not_read_holds_its_client_back(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    whole = 24 << 20
    read = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal read
        await reader.readexactly(len(CKL))
        writer.write(BOUND)
        await go_on.wait()
        while data := await reader.read(1 << 20):
            read += len(data)
        writer.close()

    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(slow) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            await reader.readexactly(len(BOUND))
            chunk = tlv(0x30, tlv(0x02, b"\x02"), tlv(0x66, b"z" * (1 << 20)))
            sent = asyncio.create_task(send(writer, chunk))
            done, _ = await asyncio.wait((sent,), timeout=0.5)
            assert not done
            go_on.set()
            await sent
            assert await reader.read() == b""
            assert read == len(chunk) * (whole // len(chunk))

    async def send(writer: asyncio.StreamWriter, chunk: bytes) -> None:
        for _ in range(whole // len(chunk)):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

    run(scene)


def test_what_was_sent_before_the_end_arrives_whole_at_a_slow_reader(tmp_path: Path) -> None:
    large = b"\x30\x84\x00\x40\x00\x05\x02\x01\x02\x64" + b"z" * ((4 << 20) + 1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(CKL))
        writer.write(BOUND + large)
        await writer.drain()
        writer.close()

    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(serve) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            got = b""
            while data := await reader.read(1 << 15):
                got += data
            assert got == BOUND + large

    run(scene)


def test_a_connection_that_fails_in_a_way_nobody_foresaw_takes_no_other_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(LdapConnection):
        def handle(self, event: Event, rules: Rules) -> Iterable[Command]:
            if isinstance(event, ClientSent) and b"mallory" in event.data:
                raise ZeroDivisionError
            return super().handle(event, rules)

    async def scene() -> None:
        async with world(tmp_path, Broken) as edge, pbx(directory) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            assert await reader.readexactly(len(BOUND)) == BOUND
            wrong, bad = await edge.client()
            bad.write(bind("example.com\\mallory"))
            assert await wrong.read() == b""
            writer.write(search())
            assert await reader.readexactly(len(search())) == search()
            assert len(edge.surroundings.connections) == 1

    run(scene)
    assert "failed what=ClientSide" in caplog.text


def test_connections_leave_no_descriptor_behind(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(directory) as port:
            edge.serves(port)
            before = descriptors()
            for number in range(30):
                reader, writer = await edge.client()
                writer.write(CKL if number % 3 else bind("nobody@nowhere.example"))
                await reader.readexactly(len(BOUND))
                writer.close() if number % 2 else writer.transport.abort()
            await edge.until(lambda: not edge.surroundings.connections and descriptors() <= before)

    run(scene)


def test_a_client_that_is_half_closed_or_held_costs_no_time_while_it_waits(tmp_path: Path) -> None:
    """Level-triggered events of an end would come again and again."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(CKL))
        writer.write(BOUND)
        await never.wait()

    never = asyncio.Event()

    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(mute) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            await reader.readexactly(len(BOUND))
            writer.write_eof()
            await edge.until(lambda: edge.turns() > 0)
            before = edge.turns()
            await asyncio.sleep(0.3)
            assert edge.turns() - before < 20
            never.set()

    run(scene)
