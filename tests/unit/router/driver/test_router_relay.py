"""One router process over real sockets: HAProxy's and the PBXs' places are taken by small servers."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING

from tests.unit.router.driver.world import CKL, EDGE, HEADER, PHONE, directory, haproxy, pbx, run, world
from tests.unit.router.ldap.messages import BOUND, STARTTLS, extended, search
from voxgate.guard.observation import Kind
from voxgate.router.rules import Rules
from voxgate.wire.proxy_v2 import End, Header, build, parse

if TYPE_CHECKING:
    from pathlib import Path


def test_a_client_reaches_its_pbx_and_leaves_a_line_in_the_access_log(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(directory) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            assert await reader.readexactly(len(BOUND)) == BOUND
            writer.write(search())
            assert await reader.readexactly(len(search())) == search()
            writer.write_eof()
            assert await reader.read() == b""
            report = await edge.reports.get()
            line = report.access
            assert (line.result, line.protocol, line.requester) == ("forwarded", "ldap", "198.51.100.7")
            assert (line.service, line.pbx, line.node) == ("example.com", "hq", f"127.0.0.1:{port}")
            assert (line.bytes_in, line.bytes_out) == (len(CKL + search()), len(BOUND + search()))
            assert report.user == "ckl"
            assert not edge.surroundings.connections

    run(scene)


def test_the_header_may_come_in_pieces_and_together_with_the_first_message(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(directory) as port:
            edge.serves(port)
            reader, writer = await edge.client(HEADER[:5])
            for at in range(5, len(HEADER) - 1):
                writer.write(HEADER[at : at + 1])
                await asyncio.sleep(0)
            writer.write(HEADER[-1:] + CKL)
            assert await reader.readexactly(len(BOUND)) == BOUND
            writer.close()

    run(scene)


def test_who_sends_no_header_is_closed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge:
            for wrong in (CKL, build(Header())):
                reader, _ = await edge.client(wrong)
                assert await reader.read() == b""

    run(scene)


def test_new_rules_hold_for_the_next_bind_and_drop_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(directory) as port:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            assert await reader.readexactly(len(BOUND)) == BOUND
            edge.surroundings.rules = Rules()
            late_reader, late_writer = await edge.client()
            late_writer.write(CKL)
            assert (await late_reader.read(100))[7:10] == b"\x0a\x01\x31"
            writer.write(search())
            assert await reader.readexactly(len(search())) == search()

    run(scene)


def test_a_node_that_is_gone_is_passed_over_and_then_avoided(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(directory, "127.0.0.2") as port:
            edge.serves(port, port)
            for _ in range(2):
                reader, writer = await edge.client()
                writer.write(CKL)
                assert await reader.readexactly(len(BOUND)) == BOUND
            targets = edge.surroundings.rules.services["ldap"]["example.com"].nodes
            assert str(targets[0].address) == "127.0.0.1"

    run(scene)


def test_a_pbx_that_cannot_be_reached_is_told_to_client_and_guard(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge, pbx(directory) as port:
            edge.serves(port)
            reader, writer = await edge.client()
        async with world(tmp_path) as edge:
            edge.serves(port)
            reader, writer = await edge.client()
            writer.write(CKL)
            assert (await reader.read(200))[7:10] == b"\x0a\x01\x34"
            report = await edge.reports.get()
            assert (report.kind, report.access.reason) == (Kind.CONNECT_FAILED, "unreachable")

    run(scene)


def test_tls_to_the_pbx_goes_through_haproxy_which_hears_where_and_whose_name(tmp_path: Path) -> None:
    heard: list[Header] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(4096)
        found = parse(data)
        assert found
        heard.append(found[0])
        if len(data) == found[1]:
            await reader.readexactly(len(CKL))
        writer.write(BOUND)

    async def scene() -> None:
        async with (
            world(tmp_path) as edge,
            haproxy(tmp_path / "tls.sock", serve),
            haproxy(tmp_path / "verified.sock", serve),
        ):
            for verify in ("", "ldap.office.example"):
                edge.serves(389, tls=636, verify=verify)
                reader, writer = await edge.client()
                writer.write(CKL)
                assert await reader.readexactly(len(BOUND)) == BOUND
                writer.close()
        assert heard == [Header(PHONE, End(ip_address("127.0.0.1"), 636), authority=a) for a in ("", verify)]

    run(scene)


def test_haproxy_that_reaches_nobody_closes_and_the_client_hears_of_it(tmp_path: Path) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def scene() -> None:
        async with world(tmp_path) as edge, haproxy(tmp_path / "tls.sock", serve):
            edge.serves(389, tls=636)
            reader, writer = await edge.client()
            writer.write(CKL)
            assert (await reader.read(200))[7:10] == b"\x0a\x01\x34"

    run(scene)


def test_starttls_is_answered_then_everything_goes_to_haproxy_untouched(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(4096)
        found = parse(data)
        assert found
        assert found[0] == Header(PHONE, EDGE)
        data = data[found[1] :] or await reader.read(4096)
        writer.write(data[::-1])
        await reader.read()
        writer.close()

    async def scene() -> None:
        async with world(tmp_path) as edge, haproxy(tmp_path / "starttls.sock", serve):
            reader, writer = await edge.client()
            writer.write(extended(STARTTLS))
            answer = await reader.read(100)
            assert answer[7:10] == b"\x0a\x01\x00"
            writer.write(b"\x16\x03\x01hello")
            assert await reader.readexactly(8) == b"olleh\x01\x03\x16"
            writer.write_eof()
            assert await reader.read() == b""

    run(scene)


def test_starttls_without_haproxy_is_refused(tmp_path: Path) -> None:
    async def scene() -> None:
        async with world(tmp_path) as edge:
            reader, writer = await edge.client()
            writer.write(extended(STARTTLS))
            assert (await reader.read(100))[7:10] == b"\x0a\x01\x34"

    run(scene)
