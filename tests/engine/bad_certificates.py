"""Certificates as operators really put them in: each with another fault, from one authority with another below it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import timedelta
from socket import AF_INET, SOCK_STREAM
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding

from lab import tls
from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    from pathlib import Path

    from lab.net import Net
    from lab.tls import Authority, Identity

_MIDDLE_URL = "http://ca.example.net/middle.cer"


@dataclass(frozen=True, slots=True)
class Bad:
    """`alone` is for one name too few, and comes without the certificate between it and the root."""

    root: Authority
    middle: Authority
    alone: Identity
    old: Identity
    soon: Identity

    def section(self, directory: str, resolver: str) -> dict[str, Any]:
        """What stands at `certificates`; `late` is to be ordered where nobody signs."""
        others: dict[str, Any] = {name: files(one) for name, one in (("old", self.old), ("soon", self.soon))}
        acme = {"directory": directory, "authority": str(self.alone.ca), "resolvers": [resolver]}
        others["late"] = {"names": ["late.example.com"], "acme": acme}
        return {"default": files(self.alone), "others": others}

    def cure(self) -> None:
        """The one in between is appended."""
        between = self.middle.certificate.public_bytes(Encoding.PEM)
        self.alone.certificate.write_bytes(self.alone.certificate.read_bytes() + between)


def bad_ones(folder: Path) -> Bad:
    """All of them, in `folder`."""
    folder.mkdir()
    root = tls.authority("Lab root")
    middle = tls.authority("Lab office", root)
    months = timedelta(days=85)
    return Bad(
        root,
        middle,
        alone=middle.issue(folder, "edge.example.com", stem="alone", life=timedelta(days=60), issuer_url=_MIDDLE_URL),
        old=root.issue(folder, "old.example.com", stem="old", life=-timedelta(minutes=5), age=months),
        soon=root.issue(folder, "soon.example.com", stem="soon", life=timedelta(days=5), age=months),
    )


def files(one: Identity) -> dict[str, str]:
    """A certificate by its files."""
    return {"certificate": str(one.certificate), "key": str(one.key)}


def refusal(net: Net, root: Authority, name: str) -> str:
    """Why a phone at home, which trusts the root alone, does not talk to the edge by that name; empty: it does."""
    trust = ssl.create_default_context(cadata=root.certificate.public_bytes(Encoding.PEM).decode())
    with net.socket("phone-home", AF_INET, SOCK_STREAM) as plain:
        plain.settimeout(60)
        plain.connect((EDGE_PUBLIC, 5061))
        try:
            trust.wrap_socket(plain, server_hostname=name).close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""
