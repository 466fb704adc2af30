"""The claim about certificates: an ACME authority signs one, and renews it while a phone talks over it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from cryptography import x509
from ruamel.yaml import YAML

from lab import tls
from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, PORTS, TONES_HZ
from lab.hearing import End, two_way
from lab.knot import NameServer
from lab.pebble import Pebble
from lab.peers.agent import FAILURES, report
from lab.peers.phone import Line, Phone, trust
from lab.procs import LabError
from lab.tones import Heard
from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from lab.demo.stage import Stage

HALL, HOST, USER = "pbx-branch", "phone-hotel", "signed"
NAME = "signed.example.com"
TONE_HZ, PORT = 1160, 5072
#: Before the order and after it; the call lasts as long as the order takes.
TALK_S = 1.5
#: Of what was said, as much is heard at least: the first packets pass before there is a way for them.
HEARD = 0.7
PATIENCE_S = 30.0


def renewed_in_a_call(stage: Stage) -> Outcome:
    """A name of its own gets a certificate; a phone that trusts nobody else talks while it is renewed."""
    with ExitStack() as stack:
        zone = {"example.com": [f"signed A {EDGE_PUBLIC}"]}
        names = stack.enter_context(NameServer(stage.net, "internet", stage.folder, zone))
        pebble = stack.enter_context(
            Pebble(stage.net, "internet", stage.folder, tls.authority("Pebble's own"), names.address)
        )
        began_s = time.monotonic()
        _order(stage, pebble, names.address)
        signed_s = time.monotonic() - began_s
        root = stage.folder / "pebble-root.pem"
        root.write_bytes(pebble.root())
        first = _shown(stage, root)
        try:
            told, second, lasted_s = asyncio.run(_talk(stage, root))
        except FAILURES as exc:
            return Outcome(False, f"{type(exc).__name__}: {exc}")
    if first == second:
        return Outcome(False, "the phones are shown the same certificate as before")
    heard = Heard(told["tone_hz"], told["seconds"], told["loss_percent"])
    there = stage.pbxs[HALL].heard(USER)
    ends = End("the phone", TONES_HZ[HALL], heard), End("the PBX", TONE_HZ, there)
    verdict = two_way(*ends, shortest_s=lasted_s * HEARD)
    words = f"signed {signed_s:.0f} s after `apply`; renewed and shown to newcomers while {verdict.words}"
    return Outcome(bool(verdict), words)


def _order(stage: Stage, pebble: Pebble, names: str) -> None:
    """Put it into the configuration, and wait until it is signed and shown."""
    yaml, file = YAML(), stage.edge.file
    root: Any = yaml.load(file.read_text())
    acme = {"directory": pebble.directory, "authority": str(pebble.identity.ca), "resolvers": [names]}
    root["certificates"]["others"] = {"signed": {"acme": acme, "names": [NAME]}}
    with file.open("w") as out:
        yaml.dump(root, out)
    done = stage.edge.command("apply", str(file))
    if done.code != 0:
        raise LabError(f"not applied: {done.out}{done.err}")
    end_s = time.monotonic() + PATIENCE_S
    while (found := _certificate(stage))["origin"] != "acme":
        if found["alarm"] or time.monotonic() > end_s:
            raise LabError(f"not signed: {found['alarm'] or 'too late'}")
        time.sleep(0.2)


def _certificate(stage: Stage) -> dict[str, Any]:
    told = json.loads(stage.edge.command("certs", "--json").out)
    return next(one for one in told["certificates"] if one["name"] == "signed")


async def _talk(stage: Stage, root: Path) -> tuple[dict[str, Any], int, float]:
    """What the phone heard, what others are shown after the renewal, and the seconds that the call lasted."""
    here = stage.net.host(HOST).ipv4()
    line = Line(
        USER,
        BRANCH,
        stage.way(HOST, "tls"),
        here,
        port=PORT,
        tone_hz=TONE_HZ,
        ca=root,
        server_name=NAME,
    )
    async with Phone(line, stage.net.maker(HOST)) as phone:
        if (registered := await phone.register()).code != 200:
            raise LabError(f"REGISTER {registered.code}")
        call = await phone.dial("600")
        began_s = time.monotonic()
        await asyncio.sleep(TALK_S)
        done = await asyncio.to_thread(stage.edge.command, "certs", "renew", "signed")
        if done.code != 0:
            raise LabError(f"not renewed: {done.out}{done.err}")
        second = await asyncio.to_thread(_shown, stage, root)
        await asyncio.sleep(TALK_S)
        if call.ended.is_set():
            raise LabError("the call did not last until after the renewal")
        lasted_s = time.monotonic() - began_s
        await call.bye()
        told: Any = await report(phone)
        return told["calls"][0], second, lasted_s


def _shown(stage: Stage, root: Path) -> int:
    """The serial number of the certificate for NAME, verified as a phone does."""
    with stage.net.socket(HOST, kind=socket.SOCK_STREAM) as plain:
        plain.settimeout(5)
        plain.connect((EDGE_PUBLIC, PORTS["tls"]))
        context: ssl.SSLContext = trust(root)
        with context.wrap_socket(plain, server_hostname=NAME) as secured:
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"").serial_number
