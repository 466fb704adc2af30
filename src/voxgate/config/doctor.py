"""The doctor's rounds: how often the running edge looks at itself, and with whose help."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from voxgate.config.fields import Addresses, Section, as_list
from voxgate.config.scalars import Kind, ScalarError, parse_hostname
from voxgate.config.secrets import Secret


def _place(text: str) -> str:
    host, bracket, port = text.rpartition("]") if text.startswith("[") else text.rpartition(":")
    named = (host.removeprefix("[") if bracket else text) if text.startswith("[") or ":" not in text else host
    number = port.removeprefix(":") if text.startswith("[") or ":" in text else ""
    good = named and len(named) <= 253 and all(one.isalnum() or one in ".:-_" for one in named) and named.isascii()
    if not good or (number and not (number.isdecimal() and 0 < int(number) < 65536)):
        raise ScalarError(f"`{text}` is no host", "write HOST, HOST:PORT or [ADDRESS]:PORT")
    return text


def _callee(text: str) -> str:
    user, at, domain = text.partition("@")
    good = 0 < len(user) <= 64 and user.isascii() and all(one.isalnum() or one in "*#+._-" for one in user)
    if not good or not at or not domain:
        raise ScalarError(f"`{text}` is nobody to call", "write EXTENSION@DOMAIN, for instance '*43@example.com'")
    return f"{user}@{parse_hostname(domain)}"


def _user(text: str) -> str:
    if not 0 < len(text) <= 64 or not text.isascii() or not all(one.isalnum() or one in "*#+._-" for one in text):
        raise ScalarError(f"`{text}` is no user", "letters, digits and *#+._- only")
    return text


Place = Annotated[str, AfterValidator(_place), Kind("host, host:port or [address]:port")]
Places = Annotated[tuple[Place, ...], BeforeValidator(as_list, json_schema_input_type=Place | tuple[Place, ...])]
Callee = Annotated[str, AfterValidator(_callee), Kind("extension@domain")]
User = Annotated[str, AfterValidator(_user), Kind("user")]


class TestCall(Section):
    """A call of five seconds that the doctor makes through the edge's own SIP port, as a phone would."""

    __test__ = False  # pytest takes every class so named for tests

    to: Callee = Field(
        description="Who is called, as EXTENSION@DOMAIN: best a PBX's echo test (`*43@example.com` on FreePBX)."
    )
    echo: bool = Field(
        default=True,
        strict=True,
        description="What is said comes back, as from an echo test: then both directions are tried. With `false`, an "
        "announcement is enough.",
    )
    user: User = Field(default="doctor", description="Who calls; with `password`, where the PBX asks for one.")
    password: Secret | None = Field(default=None, description="That user's password.")


class Doctor(Section):
    """`voxgate doctor`, made by the running edge itself. What it finds stands in `status` and in the API."""

    every_hours: int = Field(
        default=24, strict=True, ge=0, le=720, description="How often it looks; 0: never by itself."
    )
    after_seconds: int = Field(
        default=300,
        strict=True,
        ge=1,
        le=86_400,
        description="It looks so long after each start and each change of the configuration, too.",
    )
    responders: Places = Field(
        default=(), description="Machines outside where `voxgate doctor --respond` runs: ports are tried from there."
    )
    stun: Place | None = Field(default=None, description="A STUN server that tells our public address.")
    resolvers: Addresses = Field(default=(), description="Name servers that see the public DNS.")
    call: TestCall | None = Field(default=None, description="A test call with audio; without it there is none.")
