"""What a listener really shows: a TLS handshake with it, as a client does."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.certs.store import Shown
    from voxgate.engines.base import Listener

TIMEOUT_S: Final = 5.0
#: Handshakes at once: enough to be quick, few enough not to disturb calls.
AT_ONCE: Final = 8
#: What stands for the star of a wildcard.
_ANY_LABEL: Final = "voxgate-check"


@dataclass(frozen=True, slots=True)
class Question:
    """One listener asked for one name; `wanted` is the certificate that it is to show, in DER."""

    listener: Listener
    name: str
    wanted: bytes
    certificate: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of it; `wrong` is empty where all is well."""

    question: Question
    version: str
    wrong: str

    def __str__(self) -> str:
        where = f"{self.question.listener.purpose} at {place(self.question.listener)}"
        return f"{where} for {self.question.name}: {self.wrong or self.version}"


def place(listener: Listener) -> str:
    """Address and port."""
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{host}:{listener.port}"


def questions(listeners: Iterable[Listener], shown: tuple[Shown, ...]) -> tuple[Question, ...]:
    """Every listener with TLS, asked for every name that each certificate is shown for."""
    default, *others = shown
    taken = {name for one in others for name in one.asked}
    asked = [(name, default) for name in default.names if name not in taken]
    asked += [(name, one) for one in others for name in one.asked]
    return tuple(
        Question(listener, name.replace("*", _ANY_LABEL, 1), one.der, one.name)
        for listener in listeners
        if listener.proto == "tls"
        for name, one in (asked if listener.sni else [(name, default) for name in default.names[:1]])
        if name not in listener.passed
    )


async def verify(asked: Iterable[Question]) -> tuple[Finding, ...]:
    """Shake hands for each question."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(question: Question) -> Finding:
        async with room:
            return await _shake(question)

    return tuple(await asyncio.gather(*(one(question) for question in asked)))


async def _shake(question: Question) -> Finding:
    # What it shows is compared byte by byte: who trusts it is the clients' matter.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    listener = question.listener
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                listener.address, listener.port, ssl=context, server_hostname=question.name
            )
    except (OSError, TimeoutError) as error:
        return Finding(question, "", f"no handshake: {getattr(error, 'reason', None) or error or 'no answer'}")
    try:
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        shown = secured.getpeercert(binary_form=True)
        wrong = "" if shown == question.wanted else "shows another certificate"
        return Finding(question, secured.version() or "", wrong)
    finally:
        await _leave(writer)


async def _leave(writer: asyncio.StreamWriter) -> None:
    """Orderly, or the engine complains of a connection that was torn off."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(TIMEOUT_S):
            await writer.wait_closed()
