"""What the tests of certificates share: an office whose internet has a name server and an ACME authority."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab import tls
from lab.edge import Edge
from lab.knot import KEY_NAME, NameServer
from lab.net import Net
from lab.pebble import Pebble
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import HQ, HQ_TONE_HZ, LOG_TAIL, Office, config, folder, switchboard

if TYPE_CHECKING:
    from collections.abc import Iterator
#: Right for the office: every name leads to the edge.
ZONE = (f"@ A {EDGE_PUBLIC}", f"edge A {EDGE_PUBLIC}", f"shop A {EDGE_PUBLIC}", f"six AAAA {EDGE_PUBLIC_SIX}")
LISTEN = {"sip": {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443}}
NAMES = ("edge.example.com", "example.com")


@dataclass
class Internet:
    """The office's network, a name server and an authority in it."""

    net: Net
    place: Path
    names: NameServer
    pebble: Pebble

    def acme(self, **more: object) -> dict[str, Any]:
        """What stands at `acme`."""
        trusted, resolvers = str(self.pebble.identity.ca), [self.names.address]
        return {"directory": self.pebble.directory, "authority": trusted, "resolvers": resolvers, **more}

    def update(self) -> dict[str, Any]:
        """What stands at `acme.dns` for dynamic updates. Its key is the secret `dns`."""
        secrets = self.place / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        (secrets / "dns").touch(mode=0o600)
        (secrets / "dns").write_text(self.names.key)
        return {"server": self.names.address, "key_name": KEY_NAME, "key": "SECRET"}

    def config(self, certificates: dict[str, Any] | None = None, **sections: object) -> dict[str, Any]:
        """The office's configuration with these certificates, TLS on 5061 and 443."""
        chosen = {"default": {"acme": self.acme()}} if certificates is None else certificates
        return config(**{"certificates": chosen, "listen": LISTEN, **sections})

    def text(self, config: dict[str, Any]) -> str:
        """The file's text, with the DNS key as a secret."""
        return yaml.safe_dump(config, sort_keys=False).replace("SECRET", "!secret dns")

    def revoke(self, office: Office) -> None:
        """Revoke what the edge shows, in the name of its own account."""
        script = Path(__file__).with_name("revoke.py")
        folder = next((office.edge.folder / "state" / "certificates" / "accounts").iterdir())
        shown = office.edge.folder / "run" / "kamailio" / "certificate.pem"
        argv = [
            sys.executable,
            str(script),
            self.pebble.directory,
            str(self.pebble.identity.ca),
            str(folder),
            str(shown),
        ]
        done = self.net.run("edge", argv)
        assert done.code == 0, done.err

    @contextmanager
    def edge(self, first: dict[str, Any]) -> Iterator[Office]:
        """A running edge with its PBX."""
        with ExitStack() as stack:
            place = stack.enter_context(folder())
            pbx = stack.enter_context(switchboard(self.net, place, "pbx-hq-a", HQ, HQ_TONE_HZ))
            if (self.place / "secrets").exists():
                (place / "secrets").symlink_to(self.place / "secrets")
            edge = stack.enter_context(Edge(self.net, place, first))
            try:
                yield Office(self.net, edge, pbx, place)
            except BaseException:
                print(edge.text()[-LOG_TAIL:], self.pebble.text()[-LOG_TAIL:])
                raise


@contextmanager
def internet(**settings: Any) -> Iterator[Internet]:
    """All of it but the edge; `settings` are Pebble's."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        names = stack.enter_context(NameServer(net, "internet", place, {"example.com": ZONE}))
        authority = tls.authority("Pebble's own")
        pebble = stack.enter_context(Pebble(net, "internet", place, authority, names.address, **settings))
        yield Internet(net, place, names, pebble)


__all__ = ["EDGE_LAN", "NAMES", "ZONE", "Internet", "internet"]
