"""The page of trunks: what differs from PBXs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from voxgate.admin.page import frame, lights
from voxgate.admin.page.fields import Field, Kind
from voxgate.admin.page.things import Sort, router_of
from voxgate.admin.problems import ApiError
from voxgate.admin.roles import Role, may
from voxgate.config.fields import Srtp
from voxgate.config.profiles import profiles
from voxgate.config.raw import SECRET
from voxgate.config.trunks import Transport, Trunk
from voxgate.host import files
from voxgate.wire.control import StatusRequest

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.admin.doorman import Caller
    from voxgate.admin.surroundings import Surroundings
    from voxgate.config.model import Config

_LONGEST_PASSWORD: Final = 1024
PASSWORD: Final = "register.password"  # noqa: S105  a field's name
FIELDS: Final = (
    Field(("profile",), "Profile", Kind.CHOICE, ("", *profiles())),
    Field(("server",), "Server", example="sip.provider.example"),
    Field(("addresses",), "Addresses", Kind.LINES, example="198.51.100.0/24"),
    Field(("transport",), "Transport", Kind.CHOICE, ("", *Transport)),
    Field(("port",), "Port", Kind.NUMBER),
    Field(("register", "user"), "User of the account"),
    Field(("register", "password"), "Password of the account", Kind.SECRET),
    Field(("dids",), "Numbers", Kind.PAIRS, example="05551594XX hq"),
    Field(("pbxs",), "PBXs that may call out", Kind.LINES),
    Field(("prefixes",), "Prefixes", Kind.LINES, example="00"),
    Field(("srtp",), "Encrypted audio", Kind.CHOICE, ("", *Srtp)),
    Field(("limits", "calls"), "Calls at once", Kind.NUMBER),
)


def _rows(config: Config) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "cells": [
                str(trunk.server or ", ".join(map(str, trunk.addresses[:3]))),
                str(len(trunk.dids)),
                ", ".join(map(str, trunk.pbxs[:4])),
            ],
        }
        for name, trunk in config.trunks.items()
    ]


async def _test(around: Surroundings, name: str) -> list[lights.Light]:
    """What the edge's own questions found just now: registration, addresses, names."""
    status: Any = (await around.desk.ask(StatusRequest(), "page")).data
    found = next((one for one in status["trunks"] if one["name"] == name), None)
    if found is None:
        raise ApiError(404, f"no trunk {name} runs", "apply it first")
    made = [lights.trunk(found)]
    for one in found["addresses"]:
        where = f"{one['transport']} {one['address']}:{one['port']}"
        made.append(lights.Light(where, lights.node(one["state"]), one["state"] or "not asked", "", one["since"]))
    for one in found["names"]:
        colour = "warn" if one["reason"] else "good"
        made.append(lights.Light(one["name"], colour, f"{one['addresses']} addresses", one["reason"], one["since"]))
    return made


async def _keep(around: Surroundings, caller: Caller, name: str, texts: dict[str, str], value: dict[str, Any]) -> None:
    """A password that was typed becomes a secret beside the configuration; the form then holds its name.

    Under a name of its own: whoever goes back to an earlier generation finds the earlier password, too.
    """
    password = texts.get(PASSWORD, "")
    if not password or password.startswith("!secret "):
        return
    if len(password) > _LONGEST_PASSWORD or not password.isprintable():
        raise ApiError(422, "that is no password", "one line of text")
    if not may(caller.role, Role.ADMIN):
        raise ApiError(403, "only an administrator gives passwords", "let one type it")
    called = await asyncio.to_thread(_write, around.main().parent / "secrets", name, password)
    around.audit.write(caller.who, "secret.set", called, address=caller.address)
    texts[PASSWORD] = f"!secret {called}"
    value.setdefault("register", {})["password"] = {SECRET: called}


def _write(folder: Path, name: str, password: str) -> str:
    if not folder.exists():
        files.ensure_folder(folder, mode=0o700)
    held = {one.name for one in folder.iterdir()}
    called = next(one for number in range(1, 10_000) if (one := f"{name}-{number}") not in held)
    files.write(folder / called, password.encode(), mode=0o600)
    return called


PLACE: Final = frame.Place("/trunks", "Trunks", "Configure")
SORT: Final = Sort(
    *("trunks", "trunk", PLACE, Trunk, FIELDS, ("Provider", "Numbers", "PBXs that call out")),
    *(_rows, lights.trunks, _test, _keep),
)
router = router_of(SORT)
