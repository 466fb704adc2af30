"""The strict phone as a program: register, call or be called, talk, hang up, report as one JSON object on stdout.

    python -m lab.peers.agent --user alice --domain example.com --edge tls:203.0.113.45:5061 --local 10.0.0.50 \\
        --call 600 --talk 3 --forbid 192.168.1.0/24
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from lab.peers.address import Hop
from lab.peers.digest import DigestError
from lab.peers.endpoint import NoAnswerError
from lab.peers.phone import PEER_ERRORS, Line, Phone
from lab.peers.sdp import Direction
from lab.peers.websocket import WebSocketError

if TYPE_CHECKING:
    from lab.peers.call import Call

FAILURES = (OSError, NoAnswerError, DigestError, WebSocketError, *PEER_ERRORS)


@dataclass(frozen=True, slots=True)
class Script:
    """What the phone does. ``call`` empty: it waits to be called. Times are in seconds; None: not at all.

    ``hang_up``: "us" ends the call after ``talk_s``, "them" waits for the other side. ``run_s`` bounds everything.
    """

    call: str = ""
    talk_s: float = 3.0
    hang_up: str = "us"
    reinvite_after_s: float | None = None
    hold_after_s: float | None = None
    cancel_after_s: float | None = None
    late_offer: bool = False
    register: bool = True
    run_s: float = 30.0


async def perform(phone: Phone, script: Script) -> dict[str, object]:
    """Play the script on an open phone; failures are part of the report."""
    error = ""
    try:
        async with asyncio.timeout(script.run_s):
            code = (await phone.register()).code if script.register else 200
            if code != 200:
                error = f"REGISTER {code}"
            else:
                await _calls(phone, script)
    except TimeoutError:
        error = f"not done after {script.run_s} s"
    except FAILURES as exc:
        error = f"{type(exc).__name__}: {exc}"
    return await report(phone, error)


async def _calls(phone: Phone, script: Script) -> None:
    if script.call and script.cancel_after_s is not None:
        await _cancelled(phone, script.call, script.cancel_after_s)
        return
    if script.call:
        call = await phone.dial(script.call, late_offer=script.late_offer)
    else:
        call = await phone.incoming.get()
    if not call.ended.is_set():
        await _talk(call, script)


async def _talk(call: Call, script: Script) -> None:
    steps = [(script.reinvite_after_s, Direction.BOTH), (script.hold_after_s, Direction.SEND)]
    passed_s = 0.0
    for after_s, direction in sorted((s for s in steps if s[0] is not None), key=lambda s: s[0] or 0):
        await _wait(call, (after_s or 0) - passed_s)
        passed_s = after_s or 0
        if not call.ended.is_set():
            await call.reinvite(direction)
        if direction is Direction.SEND:
            await _wait(call, 1.0)
            passed_s += 1.0
            if not call.ended.is_set():
                await call.reinvite(Direction.BOTH)
    if script.hang_up == "them":
        await call.ended.wait()
    else:
        await _wait(call, script.talk_s - passed_s)
        await call.bye()


async def _wait(call: Call, seconds: float) -> None:
    """Until the time is over or the call is."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await call.ended.wait()
    except TimeoutError:
        return


async def _cancelled(phone: Phone, user: str, after_s: float) -> None:
    call, invite = await phone.prepare(user)
    async with asyncio.TaskGroup() as tasks:
        placed = tasks.create_task(phone.place(call, invite))
        await _wait(call, after_s)
        if call.outgoing is not None and not call.outgoing.final.done():
            answer = await phone.endpoint.cancel(call.outgoing)
            phone.events.append(f"cancel {answer.code}")
        final = await placed
        phone.events.append(f"invite {final.code}")


async def report(phone: Phone, error: str = "") -> dict[str, object]:
    """Everything the phone knows, ready for JSON."""
    calls = []
    for call in phone.calls:
        heard = await asyncio.to_thread(call.voice.stream.heard)
        calls.append(
            {
                "answered": call.dialog is not None,
                "ended_by": call.ended_by,
                "reinvites": call.reinvites,
                "tone_hz": heard.tone_hz,
                "seconds": heard.seconds,
                "loss_percent": heard.loss_percent,
                "others_hz": heard.others_hz,
                "sources": call.voice.stream.sources,
            }
        )
    return {
        "user": phone.line.user,
        "error": error,
        "calls": calls,
        "events": phone.events,
        "violations": phone.witness.violations,
        "seen": phone.witness.report(),
    }


def hop(text: str) -> Hop:
    """``tls:203.0.113.45:5061`` or ``udp:[2001:db8::1]:5060``. Raises ValueError."""
    transport, _, place = text.partition(":")
    host, _, port = place.rpartition(":")
    if transport not in ("udp", "tcp", "tls", "ws", "wss") or not host or not port.isdecimal():
        raise ValueError(f"want TRANSPORT:ADDRESS:PORT, not {text!r}")
    return Hop(transport, host.strip("[]"), int(port))


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m lab.peers.agent", description=__doc__)
    made.add_argument("--user", required=True)
    made.add_argument("--domain", required=True)
    made.add_argument("--edge", required=True, type=hop, help="outbound proxy, TRANSPORT:ADDRESS:PORT")
    made.add_argument("--local", required=True, help="own address")
    made.add_argument("--port", type=int, default=5060, help="own UDP port")
    made.add_argument("--tone", type=int, default=440, help="what we play, Hz")
    made.add_argument("--password", default="")
    made.add_argument("--name", action="append", default=[], metavar="NAME=ADDRESS", help="a name we can resolve")
    made.add_argument("--ca", type=Path, help="PEM file to verify TLS with; without it nothing is verified")
    made.add_argument("--server-name", default="", help="name wanted in the certificate (default: the domain)")
    made.add_argument("--forbid", action="append", default=[], type=ip_network, help="network we must never see")
    made.add_argument("--ring", type=float, default=0.2, help="seconds until we answer, negative: never")
    made.add_argument("--refuse", type=int, help="answer calls with this code")
    made.add_argument("--call", default="", help="whom to call; without it we wait for a call")
    made.add_argument("--talk", type=float, default=3.0)
    made.add_argument("--hang-up", choices=("us", "them"), default="us")
    made.add_argument("--reinvite-after", type=float)
    made.add_argument("--hold-after", type=float)
    made.add_argument("--cancel-after", type=float)
    made.add_argument("--late-offer", action="store_true")
    made.add_argument("--no-register", action="store_true")
    made.add_argument("--run", type=float, default=30.0, help="give up after this many seconds")
    return made


def line_of(args: argparse.Namespace) -> Line:
    """The phone's setup from its options."""
    return Line(
        args.user,
        args.domain,
        args.edge,
        args.local,
        port=args.port,
        tone_hz=args.tone,
        password=args.password,
        names=dict(item.split("=", 1) for item in args.name),
        ca=args.ca,
        server_name=args.server_name,
        forbidden=tuple(args.forbid),
        ring_s=args.ring if args.ring >= 0 else None,
        refuse=args.refuse,
    )


def script_of(args: argparse.Namespace) -> Script:
    """What to do from the options."""
    return Script(
        call=args.call,
        talk_s=args.talk,
        hang_up=args.hang_up,
        reinvite_after_s=args.reinvite_after,
        hold_after_s=args.hold_after,
        cancel_after_s=args.cancel_after,
        late_offer=args.late_offer,
        register=not args.no_register,
        run_s=args.run,
    )


async def _main(args: argparse.Namespace) -> dict[str, object]:
    try:
        async with Phone(line_of(args)) as phone:
            return await perform(phone, script_of(args))
    except (OSError, WebSocketError) as exc:
        return {"user": args.user, "error": f"{type(exc).__name__}: {exc}", "calls": [], "violations": []}


if __name__ == "__main__":
    outcome = asyncio.run(_main(parser().parse_args()))
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.exit(1 if outcome["error"] or outcome["violations"] else 0)
