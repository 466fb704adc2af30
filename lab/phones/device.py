"""What every real phone of the lab is set up with, and the verbs they share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from lab import tones

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.peers.address import Hop
    from lab.tones import Heard


class PhoneError(Exception):
    """A phone did not start, did not obey, or did not get where it was awaited in time."""


class State(Enum):
    """Where a phone is."""

    OFF = "off"
    IDLE = "idle"
    RINGING = "ringing"
    TALKING = "talking"


class Srtp(Enum):
    """What a phone does about encryption of its audio; `CHOICE`: SDES keys beside plain RTP (RFC 8643)."""

    NONE = "none"
    CHOICE = "choice"
    SDES = "sdes"
    DTLS = "dtls"


@dataclass(frozen=True, slots=True)
class Account:
    """A phone's setup.

    ``host`` is the lab host it runs on; ``edge`` its outbound proxy, so that ``domain`` needs no DNS; ``tone_hz`` what
    it plays; ``folder`` an own empty folder; ``ca`` the PEM file to verify TLS with, ``server_name`` the name to
    look for in the certificate (default: the domain); ``srtp``: encryption.
    """

    host: str
    user: str
    domain: str
    edge: Hop
    tone_hz: int
    folder: Path
    password: str = ""
    ca: Path | None = None
    server_name: str = ""
    srtp: Srtp = Srtp.NONE
    sip_port: int = 5060


class Device(Protocol):
    """A phone. It answers calls by itself. Use as a context manager: leaving it ends the program."""

    account: Account

    def register(self, timeout_s: float = 30) -> None:
        """Wait until it is registered. Raises PhoneError."""

    def dial(self, user: str, timeout_s: float = 30) -> None:
        """Call a user of the own domain and wait for the answer. Raises PhoneError."""

    def hangup(self, timeout_s: float = 30) -> None:
        """End the call and wait until it is over. Raises PhoneError."""

    def wait(self, state: State, timeout_s: float) -> None:
        """Wait until the phone is in that state. Raises PhoneError."""

    @property
    def state(self) -> State:
        """Where it is now."""

    def heard(self) -> Heard:
        """What it heard in its last call, to be asked after the call. Raises OSError, RecordingError."""


def prepare(account: Account, seconds: float = 60.0) -> Path:
    """Write the tone the phone plays into its folder; returns the file. Raises OSError."""
    account.folder.mkdir(parents=True, exist_ok=True)
    path = account.folder / "tone.wav"
    tones.write(path, tones.tone(account.tone_hz, seconds))
    return path


def until(done: Callable[[], bool], timeout_s: float, what: str, hint: Path) -> None:
    """Poll every 50 ms. Raises PhoneError that names the log file ``hint``."""
    end_s = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > end_s:
            raise PhoneError(f"{what}: not within {timeout_s} s; see {hint}")
        time.sleep(0.05)
