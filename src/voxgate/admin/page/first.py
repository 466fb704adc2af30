"""The first run: no configuration yet. One form leads from nothing to a working edge.

Who has the one-time token from the console may fill it in. Each mistake is told at its field; what is found out (the
public address, whether the PBX answers) is shown at once. What is written is checked as `voxgate check` does before.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from voxgate.admin import passwords, starting, tokens
from voxgate.admin.access import require_name
from voxgate.admin.attempts import Attempts, Rate, requester
from voxgate.admin.auth import Around, Door, address_of, from_own_page
from voxgate.admin.page import frame
from voxgate.admin.page.forms import Form
from voxgate.admin.page.visitors import Sent
from voxgate.admin.problems import ApiError, one_line
from voxgate.admin.roles import Role
from voxgate.config.scalars import ScalarError, parse_address, parse_hostname, parse_pbx_name
from voxgate.config.starter import Starter, StarterPbx, starter_text
from voxgate.errors import ConfigError, UsageError, VoxgateError
from voxgate.host.facts import Facts, Interface

router = APIRouter(include_in_schema=False)

RATE = Rate(burst=20, per_s=1 / 10)
_LONGEST = 300
#: Fields whose texts are shown again; passwords are not.
_TEXTS = ("domain", "interface", "stun", "public", "email", "user", "pbx_name", "pbx_address", "pbx_domain")
#: Where the configuration's own checks find something -> the field.
_AT = {
    "edge.domain": "domain",
    "edge.interface": "interface",
    "edge.public_address": "public",
    "certificates": "acme",
    "pbxs": "pbx_address",
}
_NAMES = ".names"


@dataclass
class FirstRun:
    """What the first run stands on. `check` raises ConfigError, HostError; `save` writes the text and ends the run."""

    digest: str
    facts: Callable[[], Facts]
    check: Callable[[str], None]
    save: Callable[[str], None]
    probes: starting.Probes = starting.PROBES
    #: The configuration is written, and the edge starts.
    saved: bool = False
    #: Why the edge did not start with what was given last.
    failed: str = ""
    given: dict[str, str] = field(default_factory=dict)
    rates: Attempts = field(default_factory=lambda: Attempts(RATE))


@dataclass
class _Answers:
    """What was given, found, and wrong."""

    texts: dict[str, str]
    acme: bool = True
    anyway: bool = False
    wrong: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)


def _run(request: Request) -> FirstRun:
    run: FirstRun = request.app.state.first_run
    return run


@router.get("/")
@router.get("/login")
async def lead(request: Request) -> Response:
    """Whatever is wanted: first things first."""
    return Response(status_code=503) if _run(request).saved else RedirectResponse("/setup", 303)


@router.get("/setup")
async def first_page(request: Request, door: Door, around: Around, token: str = "") -> Response:
    """The form, for whoever has the token: others learn nothing of this machine."""
    run = _run(request)
    if run.saved:
        return _starts(request, token)
    _let_in(request, around, token)
    interfaces = await asyncio.to_thread(lambda: starting.usable(run.facts()))
    texts = dict.fromkeys(_TEXTS, "") | {"user": "admin", "pbx_name": "hq", "stun": starting.STUN}
    texts |= {"interface": interfaces[0].name} | run.given
    answers = _Answers(texts, acme=run.given.get("acme", "1") == "1")
    return _drawn(request, door, interfaces, answers, token[:_LONGEST], wrong=run.failed)


def _let_in(request: Request, around: Around, token: str) -> None:
    """Raises ApiError for whoever has not the token, or tries too often."""
    run, who = _run(request), requester(address_of(request))
    if wait_s := run.rates.take(who, around.clock.monotonic()):
        raise ApiError(429, "too many attempts", f"wait {math.ceil(wait_s)} seconds")
    if not tokens.matches(token, run.digest):
        raise ApiError(401, "the token is wrong", "open the address that Voxgate's console tells, or: voxgate setup")
    run.rates.forget(who)


def _drawn(
    request: Request,
    door: Door,
    interfaces: list[Interface],
    answers: _Answers,
    token: str,
    *,
    wrong: str = "",
    status: int = 200,
    part: str = "",
) -> Response:
    values: dict[str, Any] = {
        "token": token,
        "answers": answers,
        "interfaces": [(one.name, ", ".join(starting.addresses(one)), starting.is_public(one)) for one in interfaces],
        "has_users": bool(door.access.now().users),
        "wrong": wrong,
    }
    if part:
        return frame.page(request, None, part, status=status, title="", **values)
    return frame.page(request, None, "first.html", status=status, title="First configuration", **values)


@router.post("/setup")
async def first(request: Request, door: Door, around: Around, form: Sent) -> Response:
    """Find something out, or write it all and begin."""
    run, token = _run(request), form.text("token")
    if not from_own_page(request):
        raise ApiError(403, "this form does not come from a page of ours")
    _let_in(request, around, token)
    interfaces = await asyncio.to_thread(lambda: starting.usable(run.facts()))
    answers = _Answers({name: form.text(name)[:_LONGEST] for name in _TEXTS}, form.has("acme"), form.has("anyway"))
    asked = form.text("do")
    if asked in {"public", "pbx"}:
        await (_find_public if asked == "public" else _try_pbx)(run, answers)
        part = f"_first_{asked}.html" if "HX-Request" in request.headers else ""
        return _drawn(request, door, interfaces, answers, token, part=part)
    return await _finish(request, door, interfaces, answers, form)


async def _find_public(run: FirstRun, answers: _Answers) -> None:
    server = answers.texts["stun"]
    found = await asyncio.to_thread(run.probes.public, server) if server else ""
    if found:
        answers.texts["public"] = found
        answers.said["public"] = f"The internet sees this machine as {found}."
    else:
        answers.wrong["stun"] = "It does not answer."


async def _try_pbx(run: FirstRun, answers: _Answers) -> bool:
    """Whether it answers; what it says is told."""
    address = _parsed(answers, "pbx_address", parse_address)
    domain = answers.texts["pbx_domain"] or starting.sip_domain(answers.texts["domain"])
    if not address:
        return False
    said = await asyncio.to_thread(run.probes.answers, address, domain)
    if said:
        answers.said["pbx"] = f"{address} answers: {said}."
    else:
        answers.wrong["pbx_address"] = f"{address} does not answer SIP on UDP port 5060."
    return bool(said)


def _parsed(answers: _Answers, name: str, parse: Callable[[object], object]) -> str:
    """What a field says, or what is wrong with it."""
    try:
        return str(parse(answers.texts[name]))
    except ScalarError as error:
        answers.wrong[name] = f"{error.message}: {error.advice}"
        return ""


async def _finish(request: Request, door: Door, interfaces: list[Interface], answers: _Answers, form: Form) -> Response:
    run, token = _run(request), form.text("token")
    starter = await _starter(request, run, interfaces, answers)
    person = not door.access.now().users
    if person:
        _judge_person(answers, form)
    wrong, text = "", starter_text(starter)
    if not answers.wrong:
        wrong = await _checked(run, answers, text)
    if answers.wrong or wrong:
        return _drawn(request, door, interfaces, answers, token, wrong=wrong, status=422)
    if person:
        await door.set_password(answers.texts["user"], Role.ADMIN, form.raw("password"))
        door.audit.write(answers.texts["user"], "user.set-up", answers.texts["user"], address=address_of(request))
    run.given = {**answers.texts, "acme": "1" if answers.acme else "0"}
    await asyncio.to_thread(run.save, text)
    return _starts(request, token)


def _starts(request: Request, token: str) -> Response:
    return frame.page(request, None, "starting.html", title="Voxgate starts", token=token[:_LONGEST])


async def _starter(request: Request, run: FirstRun, interfaces: list[Interface], answers: _Answers) -> Starter:
    texts = answers.texts
    domain = _parsed(answers, "domain", parse_hostname)
    texts["pbx_domain"] = texts["pbx_domain"] or starting.sip_domain(domain)
    sip_domain = _parsed(answers, "pbx_domain", parse_hostname)
    name = _parsed(answers, "pbx_name", parse_pbx_name)
    if not answers.anyway:
        await _try_pbx(run, answers)
    chosen = next((one for one in interfaces if one.name == texts["interface"]), None)
    if chosen is None:
        answers.wrong["interface"] = "This machine has no interface of that name."
    public = _parsed(answers, "public", parse_address) if texts["public"] else ""
    held = starting.addresses(chosen) if chosen else []
    host, port = request.scope["server"]
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Starter(
        domain,
        (StarterPbx(name, texts["pbx_address"], sip_domain),),
        texts["interface"],
        (public,) if public and public not in held else (),
        acme=answers.acme,
        acme_email=texts["email"],
        admin_listen=listen,
    )


def _judge_person(answers: _Answers, form: Form) -> None:
    user, password = answers.texts["user"], form.raw("password")
    try:
        require_name(user)
    except UsageError as error:
        answers.wrong["user"] = one_line(error)
        return
    try:
        passwords.require_good(password, user)
    except UsageError as error:
        answers.wrong["password"] = one_line(error)
    if password != form.raw("again"):
        answers.wrong["again"] = "The two passwords differ."


async def _checked(run: FirstRun, answers: _Answers, text: str) -> str:
    """What is wrong that belongs to no field."""
    try:
        await asyncio.to_thread(run.check, text)
    except ConfigError as error:
        others = []
        for problem in error.problems:
            words = f"{problem.message}: {problem.advice}"
            if problem.key.startswith("pbxs.") and _NAMES in problem.key:
                answers.wrong["pbx_domain"] = words
            elif at := next((one for key, one in _AT.items() if problem.key.startswith(key)), ""):
                answers.wrong[at] = words
            else:
                others.append(f"{problem.key}: {words}")
        return "; ".join(others)
    except VoxgateError as error:
        return one_line(error)
    return ""
