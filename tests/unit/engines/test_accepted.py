"""The engine that reads the files is their judge: `kamailio -c` on what is rendered. Needs root for its user's sake."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.engines.networks import ONE, PLACES, PUBLIC, TWO, config, kamailio, pbx
from voxgate.engines.base import Places
from voxgate.engines.haproxy import tls
from voxgate.engines.haproxy.engine import Haproxy
from voxgate.engines.haproxy.fragment import Ground
from voxgate.engines.haproxy.stream import Stream, stream_fragment, targets_fragment
from voxgate.engines.haproxy.tls import CLIENTS_CA, PBXS_CA, certificate_files
from voxgate.engines.render import render
from voxgate.host import process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Config
    from voxgate.config.network import Network

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="the files are for root and the engine's user"),
]


KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="vxe-", dir="/tmp"))
    try:
        made.chmod(0o755)
        yield made
    finally:
        shutil.rmtree(made)


def judge(made: Config, network: Network, folder: Path, *, media: bool = True, spoil: bool = False) -> process.Finished:
    state = kamailio(media=media).desired(made, network, Places(folder, PLACES.state), 3)
    for file in state.files:
        path = folder / state.name / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content + (b"\nno such word\n" if spoil and file.path == "kamailio.cfg" else b""))
    return process.run(state.check.argv, timeout_s=30, env=state.process.env, user=state.process.user)


MANY = {f"pbx{n}": pbx(f"10.{n // 250}.{n % 250}.7", name=f"n{n}.example") for n in range(300)}
INSIDE = {"hq": pbx("172.16.0.10")}
TLS_NODES = {"hq": pbx("172.16.0.10", "fd00:172::10", sip={"udp": 5060, "tls": 5061})}


@pytest.mark.parametrize(
    ("made", "network", "media"),
    [
        pytest.param(config(), ONE, True, id="one interface behind a NAT router"),
        pytest.param(config(TLS_NODES), TWO, True, id="two interfaces, TLS towards the PBX, IPv6"),
        pytest.param(config({"hq": pbx("203.0.113.20")}), PUBLIC, True, id="a public address"),
        pytest.param(config(listen={"sip": {"udp": 5060}}), PUBLIC, True, id="UDP only"),
        pytest.param(config(INSIDE, listen={"sip": {"tls": 5061}}), TWO, True, id="TLS only"),
        pytest.param(config(INSIDE, listen={"sip": {"tcp": 5080}}), TWO, True, id="TCP only"),
        pytest.param(config(listen={"sip": {"udp": 5060, "tls": 443}}), PUBLIC, True, id="a low port"),
        pytest.param(config(edge={"domain": "edge.example.com", "topology_hiding": False}), ONE, True, id="no hiding"),
        pytest.param(config(), ONE, False, id="without media"),
        pytest.param(config(listen={"sip": {"udp": 5060, "wss": 443}}), ONE, True, id="browsers"),
        pytest.param(config(INSIDE, listen={"sip": {"wss": 443, "ws": 80}}), TWO, True, id="browsers only"),
        pytest.param(config(health={"interval_seconds": 1, "down_after": 5, "up_after": 3}), ONE, True, id="health"),
        pytest.param(config(MANY), ONE, True, id="300 PBXs"),
    ],
)
def test_kamailio_accepts_what_is_rendered(made: Config, network: Network, media: bool, folder: Path) -> None:
    judged = judge(made, network, folder, media=media)
    assert (judged.code, "ERROR" in judged.stderr) == (0, False), judged.stderr


def haproxy(made: Config, network: Network, folder: Path, spoil: bytes = b"") -> process.Finished:
    certificate = kamailio().certificate
    state = Haproxy(certificate, KEY).desired(made, network, Places(folder, PLACES.state), 3)
    for file in state.files:
        path = folder / state.name / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content + (spoil if file.path == "haproxy.cfg" else b""))
    return process.run(state.check.argv, timeout_s=30, cwd=Path("/"), user=state.process.user)


@pytest.mark.parametrize(
    ("listen", "network"),
    [
        pytest.param({"wss": 443}, ONE, id="behind a NAT router"),
        pytest.param({"wss": 8443, "ws": 8080}, TWO, id="two interfaces, with and without TLS"),
        pytest.param({"ws": 8080}, PUBLIC, id="without TLS alone"),
    ],
)
def test_haproxy_accepts_what_is_rendered_and_nothing_spoilt(
    listen: dict[str, int], network: Network, folder: Path
) -> None:
    made = config({"hq": pbx("203.0.113.20")}, listen={"sip": {"udp": 5060, **listen}})
    judged = haproxy(made, network, folder)
    assert (judged.code, "WARNING" in judged.stderr) == (0, False), judged.stderr
    assert haproxy(made, network, folder, b"\nno such word\n").code != 0


@pytest.mark.parametrize("trusted", [b"", kamailio().certificate.certificate], ids=["no authorities", "authorities"])
@pytest.mark.parametrize(
    "stream",
    [
        Stream("ldap", "LDAP", 389, 636, start_tls=True),
        Stream("ldap", "LDAP", None, 636, legacy_tls=True),
        Stream("h323", "H.323", 1720, None),
    ],
    ids=["with STARTTLS", "old phones", "plain"],
)
def test_haproxy_accepts_services_that_the_router_reads(stream: Stream, trusted: bytes, folder: Path) -> None:
    ground = Ground(config(), TWO, Places(folder, PLACES.state), KEY, trusted, trusted)
    made = [stream_fragment(stream, ground), targets_fragment(ground)]
    mine = ground.folder
    mine.mkdir()
    pair = kamailio().certificate
    files = {file.path: file.content for file in certificate_files(mine, pair, ())}
    for name, content in (files | {CLIENTS_CA: trusted, PBXS_CA: trusted, "banned.lst": b""}).items():
        (mine / name).write_bytes(content)
    shared = {"modern": tls.MODERN, "ciphers": tls.CIPHERS, "connections": 100, "folder": mine, "access_socket": mine}
    text = render("haproxy/haproxy.cfg", fragments=[one.text.decode() for one in made], **shared)
    (mine / "haproxy.cfg").write_bytes(text)
    judged = process.run(
        ("haproxy", "-c", "-f", str(mine / "haproxy.cfg")), timeout_s=30, cwd=Path("/"), user="haproxy"
    )
    assert (judged.code, "WARNING" in judged.stderr) == (0, False), judged.stderr


def test_kamailio_refuses_what_is_spoilt(folder: Path) -> None:
    assert judge(config(), ONE, folder, spoil=True).code != 0


def test_a_domain_that_is_a_number_of_digits_and_dots_is_an_alias_all_the_same(folder: Path) -> None:
    network = replace(ONE, domain="1.2.3.example")
    judged = judge(config(edge={"domain": "1.2.3.example"}), network, folder)
    assert judged.code == 0, judged.stderr
