"""A small gatekeeper (PBX) as a program; what happens is written as JSON lines to stdout.

    python -m lab.peers.h323.gatekeeper --id example.com --listen 192.168.1.20:1720 --user alice=secret

Users give their password in a clear token; with ``--trust-tls`` whoever comes over TLS needs none. ``--redirect
bob=hq@example.com/branch`` sends bob elsewhere. Registered users call each other, 600 is answered by itself. A request
with an ID that is not its own is noted as ``stranger``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.peers.h323 import message
from lab.peers.h323.message import Message, Ras

ECHO = "600"


def journal(event: str, **facts: object) -> None:
    """One line on stdout; ``t`` is the time of day in seconds."""
    sys.stdout.write(json.dumps({"t": round(time.time(), 3), "event": event, **facts}) + "\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m lab.peers.h323.gatekeeper", description=__doc__)
    made.add_argument("--id", required=True)
    made.add_argument("--also", action="append", default=[], help="another ID of its own")
    made.add_argument("--listen", action="append", default=[], help="ADDRESS:PORT without TLS")
    made.add_argument("--listen-tls", action="append", default=[])
    made.add_argument("--cert", type=Path)
    made.add_argument("--key", type=Path)
    made.add_argument("--user", action="append", default=[], help="NAME=PASSWORD; without any, everybody may register")
    made.add_argument("--redirect", action="append", default=[], help="NAME=GATEKEEPER-ID")
    made.add_argument("--reject", action="append", default=[], help="NAME=REASON")
    made.add_argument("--trust-tls", action="store_true")
    return made


@dataclass(slots=True)
class Line:
    """One connection."""

    writer: asyncio.StreamWriter
    tls: bool
    peer: str
    names: list[str] = field(default_factory=list)

    def say(self, said: Message) -> None:
        self.writer.write(message.write(said))


@dataclass(slots=True)
class Gatekeeper:
    """All its state: who is registered on which line, and which calls there are."""

    gatekeeper_id: str
    known: frozenset[str]
    passwords: dict[str, str]
    redirects: dict[str, str]
    rejects: dict[str, str]
    trust_tls: bool
    lines: dict[str, Line] = field(default_factory=dict)
    calls: dict[tuple[int, int], Line] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until its end."""
        tls = writer.get_extra_info("ssl_object") is not None
        line = Line(writer, tls, str(writer.get_extra_info("peername")[0]))
        journal("connected", tls=tls, peer=line.peer)
        try:
            while True:
                header = await reader.readexactly(4)
                octets = header + await reader.readexactly(int.from_bytes(header[2:], "big") - 4)
                self._take(line, message.read(octets), octets)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            journal("closed", names=line.names)
        finally:
            for name in line.names:
                if self.lines.get(name) is line:
                    del self.lines[name]
            writer.close()

    def _take(self, line: Line, said: Message, octets: bytes) -> None:
        if said.kind is None or said.body is None:
            journal("keepalive")
            return
        for name, value in said.ras:
            answer = self._ras(line, name, value)
            if answer is not None:
                line.say(message.tunnel(answer))
        if not said.ras:
            self._signalling(line, said, octets)

    def _ras(self, line: Line, name: str, value: dict[str, Any]) -> Ras | None:
        asked = value.get("gatekeeperIdentifier", "")
        if asked and asked.rpartition("@")[2].lower() not in self.known:
            journal("stranger", asked=asked)
        base = {"requestSeqNum": value["requestSeqNum"], "protocolIdentifier": message.PROTOCOL}
        match name:
            case "gatekeeperRequest":
                journal("discovered", asked=asked, tls=line.tls)
                address = ("ipAddress", {"ip": bytes(4), "port": 0})
                return "gatekeeperConfirm", base | {"gatekeeperIdentifier": self.gatekeeper_id, "rasAddress": address}
            case "registrationRequest":
                return self._registration(line, value, base, asked)
            case "unregistrationRequest":
                journal("unregistered", names=line.names)
                return "unregistrationConfirm", {"requestSeqNum": value["requestSeqNum"]}
        return None

    def _registration(self, line: Line, value: dict[str, Any], base: dict[str, Any], asked: str) -> Ras:
        names = [text for _, text in value.get("terminalAlias", [])]
        if value.get("keepAlive") and not names:
            known = value.get("endpointIdentifier", "") in line.names
            journal("refreshed" if known else "rejected", names=line.names, reason="fullRegistrationRequired")
            return self._confirm(line, base) if known else self._reject(base, "fullRegistrationRequired")
        tokens = value.get("tokens", [])
        given = tokens[0].get("password", "") if tokens else ""
        facts = {"asked": asked, "names": names, "tls": line.tls, "password": bool(given), "peer": line.peer}
        first = names[0] if names else ""
        if first in self.redirects:
            journal("redirected", **facts)
            return self._reject(base, "securityDenial", self.redirects[first])
        reason = self.rejects.get(first, "")
        if not reason and self.passwords and not (self.trust_tls and line.tls) and self.passwords.get(first) != given:
            reason = "securityDenial"
        if reason:
            journal("rejected", reason=reason, **facts)
            return self._reject(base, reason)
        line.names = names
        self.lines |= dict.fromkeys(names, line)
        journal("registered", **facts)
        return self._confirm(line, base)

    def _confirm(self, line: Line, base: dict[str, Any]) -> Ras:
        return "registrationConfirm", base | {
            "callSignalAddress": [],
            "gatekeeperIdentifier": self.gatekeeper_id,
            "endpointIdentifier": line.names[0],
            "timeToLive": 60,
            "willRespondToIRR": False,
            "maintainConnection": True,
        }

    def _reject(self, base: dict[str, Any], reason: str, elsewhere: str = "") -> Ras:
        value = base | {"rejectReason": (reason, 0), "gatekeeperIdentifier": self.gatekeeper_id}
        if elsewhere:
            other = {
                "rasAddress": ("ipAddress", {"ip": bytes(4), "port": 1720}),
                "gatekeeperIdentifier": elsewhere,
                "needToRegister": True,
                "priority": 0,
            }
            value["altGKInfo"] = {"alternateGatekeeper": [other], "altGKisPermanent": False}
        return "registrationReject", value

    def _signalling(self, line: Line, said: Message, octets: bytes) -> None:
        """Calls between those registered pass as they came; a line's references are its own."""
        key = (id(line), said.call_reference)
        if said.kind == message.SETUP and said.body is not None:
            called = [text for _, text in said.body[1].get("destinationAddress", [])]
            caller = [text for _, text in said.body[1].get("sourceAddress", [])]
            journal("call", called=called, caller=caller, tls=line.tls)
            user = called[0].removeprefix("h323:").partition("@")[0] if called else ""
            if user == ECHO:
                line.say(Message(message.CONNECT, said.call_reference, True, message.connected()))
                return
            other = self.lines.get(user)
            if other is None:
                body = message.release("calledPartyNotRegistered")
                line.say(Message(message.RELEASE_COMPLETE, said.call_reference, True, body))
                return
            self.calls[key] = other
            self.calls[id(other), said.call_reference] = line
        elif said.kind == message.RELEASE_COMPLETE:
            journal("released")
        if (there := self.calls.get(key)) is not None:
            there.writer.write(octets)


def _pairs(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


async def main() -> None:
    """Serve until ended."""
    options = parser().parse_args()
    known = frozenset((options.id, *options.also))
    gatekeeper = Gatekeeper(
        options.id, known, _pairs(options.user), _pairs(options.redirect), _pairs(options.reject), options.trust_tls
    )
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    servers = []
    for places, secured in ((options.listen, None), (options.listen_tls, context)):
        for place in places:
            address, _, port = place.rpartition(":")
            servers.append(await asyncio.start_server(gatekeeper.serve, address.strip("[]"), int(port), ssl=secured))
    journal("listening")
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
