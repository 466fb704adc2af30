"""TLS towards providers that want to know who calls: a profile in Kamailio's tls.cfg for each, and its files. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.engines.base import Action, File

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.config.trunks import Trunk


@dataclass(frozen=True, slots=True)
class TrunkFiles:
    """What one provider is shown and whom it must be signed by, in PEM; empty: the edge's own certificate, nobody."""

    certificate: bytes = b""
    key: bytes = dataclasses.field(default=b"", repr=False)
    ca: bytes = b""


@dataclass(frozen=True, slots=True)
class Profile:
    """A client profile of tls.cfg; `ca` is empty where the provider's certificate is not checked."""

    id: str
    server_name: str
    certificate: Path
    key: Path
    ca: Path | None


def profiles(config: Config, files: Mapping[str, TrunkFiles], folder: Path) -> tuple[Profile, ...]:
    """One for each trunk with TLS of its own."""
    made = []
    for name, given in sorted(files.items()):
        own = bool(given.certificate)
        profile = Profile(
            profile_id(name),
            # A profile for any address must have one, and is found by its id or by that, whichever comes first in the
            # file (tls_domain.c): never the provider's, which another trunk may have, too. SNI is the script's matter.
            profile_id(name),
            folder / (f"trunks/{name}.pem" if own else "certificate.pem"),
            folder / (f"trunks/{name}.key" if own else "key.pem"),
            folder / f"trunks/{name}-ca.pem" if given.ca else None,
        )
        made.append(profile)
    return tuple(made)


def profile_files(files: Mapping[str, TrunkFiles]) -> Iterator[File]:
    """The files that `profiles` names."""
    for name, given in sorted(files.items()):
        if given.certificate:
            yield File(f"trunks/{name}.pem", given.certificate, Action.TLS)
            yield File(f"trunks/{name}.key", given.key, Action.TLS, secret=True)
        if given.ca:
            yield File(f"trunks/{name}-ca.pem", given.ca, Action.TLS)


def server_name(trunk: Trunk) -> str:
    """What our connections to a provider ask for; empty where it has no name."""
    if trunk.tls is None:
        return ""
    return trunk.tls.server_name or (trunk.server if isinstance(trunk.server, str) else "")


def profile_id(name: str) -> str:
    """How the script names the profile of a trunk."""
    return f"trunk-{name}"
