"""What the tests of certificates share: an office whose internet has a name server and an ACME authority."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import tls
from lab.edge import Edge, Kept
from lab.knot import KEY_NAME, NameServer
from lab.net import Net
from lab.pebble import Pebble
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import HQ, HQ_TONE_HZ, LOG_TAIL, Office, config, folder, switchboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
#: Right for the office: every name leads to the edge.
ZONE = (f"@ A {EDGE_PUBLIC}", f"edge A {EDGE_PUBLIC}", f"shop A {EDGE_PUBLIC}", f"six AAAA {EDGE_PUBLIC_SIX}")
LISTEN = {"sip": {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443}}
NAMES = ("edge.example.com", "example.com", "six.example.com")


def certs(edge: Edge, *words: str) -> dict[str, Any]:
    """What `voxgate certs` says."""
    told: dict[str, Any] = json.loads(edge.command("certs", *words, "--json", timeout_s=120).out)
    return told


def eventually(holds: Callable[[], bool], timeout_s: float = 80) -> None:
    """Until it holds; it fails the test when it does not in time."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, f"does not hold within {timeout_s} s"
        time.sleep(0.2)


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
        """What stands at `acme.dns` for dynamic updates."""
        return {"server": self.names.address, "key_name": KEY_NAME, "key": Kept("dns", self.names.key)}

    def config(self, certificates: dict[str, Any] | None = None, **sections: object) -> dict[str, Any]:
        """The office's configuration with these certificates, TLS on 5061 and 443."""
        chosen = {"default": {"acme": self.acme()}} if certificates is None else certificates
        return config(**{"certificates": chosen, "listen": LISTEN, **sections})

    def revoke(self, office: Office, directory: str) -> None:
        """Revoke what the edge shows, in the name of its own account with that directory."""
        script = Path(__file__).with_name("revoke.py")
        folder = next((office.edge.folder / "state" / "certificates" / "accounts").iterdir())
        shown = office.edge.folder / "run" / "kamailio" / "certificate.pem"
        argv = [
            sys.executable,
            str(script),
            directory,
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
