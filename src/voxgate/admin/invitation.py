"""Where a first configuration can be made with a browser: who has it, is let in. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Its file in the run folder; root alone reads it.
KEPT: Final = "first-run"
MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Invitation:
    """`file` is to be written; `addresses` hold a one-time token; `fingerprint` is the SHA-256 that a browser shows."""

    file: str
    addresses: tuple[str, ...]
    fingerprint: str

    def to_json(self) -> dict[str, object]:
        """The fields."""
        return {"file": self.file, "addresses": list(self.addresses), "fingerprint": self.fingerprint}

    def __str__(self) -> str:
        """For people."""
        return "\n".join(
            (
                f"There is no configuration in {self.file} yet. Make it with a browser; the address holds a",
                "one-time token, whoever has it is let in:",
                "",
                *(f"    {address}" for address in self.addresses),
                "",
                "From another machine over SSH: ssh -L 8440:127.0.0.1:8440 THIS-MACHINE, then the first address.",
                "Over HTTPS the browser warns of a certificate that nobody has signed. Its SHA-256 is",
                f"    {self.fingerprint}",
                "",
                "Or at this console: voxgate init",
            )
        )


def invitation_of(data: bytes) -> Invitation | None:
    """One that was kept; None for everything else."""
    try:
        fields: Mapping[str, object] = json.loads(data)
        addresses = fields["addresses"]
        if not isinstance(addresses, list):
            return None
        return Invitation(str(fields["file"]), tuple(map(str, addresses)), str(fields["fingerprint"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
