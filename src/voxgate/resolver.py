"""From a configuration file to what the engines must be on this machine: the one place that names all engines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from voxgate.certs.store import Shown, Store, trunk_files, trusted
from voxgate.config import load, network
from voxgate.config.h323check import h323_cautions
from voxgate.engines import coturn, router, websocket
from voxgate.engines.dnsmasq import local_dns
from voxgate.engines.haproxy.engine import Haproxy, served, web_threads
from voxgate.engines.kamailio import Kamailio, Pair
from voxgate.engines.rtpengine import Rtpengine
from voxgate.engines.sni import Further
from voxgate.errors import ConfigError, Problem
from voxgate.host.facts import read_facts
from voxgate.host.randomness import lasting_secret
from voxgate.names.formats import dnsmasq
from voxgate.names.planning import records
from voxgate.names.record import View
from voxgate.plan.desired import Desired, desire
from voxgate.trunks.names import read_answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from voxgate.config.load import Loaded, Source
    from voxgate.config.model import Config
    from voxgate.config.trunknames import Answers
    from voxgate.engines.base import Engine, EngineState, Places
    from voxgate.host.clock import Clock


@dataclass(frozen=True, slots=True)
class Resolver:
    """From a configuration file to a `Desired` on this machine."""

    places: Places
    clock: Clock

    def load(self, path: Path) -> Loaded:
        """The configuration in `path`, with the problems and warnings that only this machine shows."""
        return self._on_this_machine(load.load(path))

    def load_sources(self, path: Path, sources: tuple[Source, ...]) -> Loaded:
        """The same for texts as if they lay beside `path`."""
        return self._on_this_machine(load.load_sources(sources, load.default_secrets(path), self.clock.wall()))

    def desire(self, config: Config, generation: int) -> Desired:
        """What the engines must be. Raises ConfigError, HostError."""
        resolved = replace(network.resolve(config, read_facts()), answers=self._answers())
        return desire(config, resolved, self._engines(config), self.places, generation)

    def renew(self, desired: Desired, generation: int) -> Desired:
        """The same on the machine as it was then, with what DNS and the certificates' files say now."""
        resolved = replace(desired.network, answers=self._answers())
        return desire(desired.config, resolved, self._engines(desired.config), self.places, generation)

    def _answers(self) -> Answers:
        return read_answers(self.answers_file)

    @property
    def answers_file(self) -> Path:
        """Where the last good answers of DNS are kept."""
        return self.places.state / "names.json"

    def render(self, desired: Desired, places: Places) -> tuple[EngineState, ...]:
        """The states of `desired` for other places."""
        engines = self._engines(desired.config)
        return tuple(engine.desired(desired.config, desired.network, places, desired.generation) for engine in engines)

    def certificate(self, config: Config) -> Shown:
        """What TLS clients are shown where no other certificate is for the name. Raises HostError."""
        return self.certificates(config)[0]

    def certificates(self, config: Config) -> tuple[Shown, ...]:
        """All certificates, the default first. Raises HostError."""
        return self.store.shown(config, self.clock.wall())

    @property
    def store(self) -> Store:
        """Where certificates are kept."""
        return Store(self.places.state / "certificates")

    def _engines(self, config: Config) -> tuple[Engine, ...]:
        shown, *others = self.certificates(config)
        further = tuple(Further(one.name, one.asked, one.certificate, one.key) for one in others)
        key = lasting_secret(self.places.state / "topology.key")
        pair = Pair(shown.certificate, shown.key, shown.names)
        clients_ca, pbxs_ca = (trusted(path) for path in (config.certificates.clients_ca, config.certificates.pbxs_ca))
        web_key = lasting_secret(self.places.state / "websocket.key") if websocket.served(config) else ""
        kamailio = Kamailio(
            _script(),
            pair,
            key,
            websocket_key=web_key,
            clients_ca=clients_ca,
            trunk_tls=trunk_files(config),
            further=further,
            pbxs_ca=pbxs_ca,
        )
        cores = read_facts().cpu_count
        routers = router.processes(cores) if router.served(config) else 0
        relays = tuple(router.Router(number + 1, _router()) for number in range(routers))
        haproxy = Haproxy(
            pair, web_key, clients_ca, pbxs_ca, routers=routers, web_threads=web_threads(cores), further=further
        )
        # rtpengine first: Kamailio asks it at its own start. HAProxy after them: what it passes on must find them.
        front: tuple[Engine, ...] = (*relays, haproxy) if served(config) else ()
        log_key = lasting_secret(self.places.state / "turn-log.key") if config.turn else ""
        return (
            Rtpengine(),
            kamailio,
            *front,
            *coturn.coturns(config.turn, pair, log_key),
            *local_dns(config.dns, _inside_names),
        )

    def _on_this_machine(self, loaded: Loaded) -> Loaded:
        try:
            resolved = network.resolve(loaded.config, read_facts())
        except ConfigError as error:
            raise loaded.place(error) from None
        cautions = network.cautions(resolved)
        if loaded.config.certificates.default is None and _shows_certificate(loaded.config):
            cautions = (*cautions, _SELF_SIGNED)
        cautions = (*cautions, *h323_cautions(loaded.config))
        placed = loaded.place(ConfigError(cautions)).problems
        return replace(loaded, warnings=(*loaded.warnings, *placed))


def _inside_names(config: Config, resolved: network.Network) -> str:
    return dnsmasq(records(config, resolved, View.INSIDE))


def _shows_certificate(config: Config) -> bool:
    http, sip = config.listen.http, config.listen.sip
    turn = config.turn and config.turn.tls_port
    return bool(sip.tls or sip.wss or (http and http.tls) or router.served(config) or turn)


_SELF_SIGNED = Problem(
    "",
    0,
    "certificates",
    "TLS clients are shown a certificate that the edge itself has signed",
    "set certificates.default.acme, or .certificate and .key; `voxgate certs` names the file that clients may trust",
)


@cache
def _script() -> tuple[tuple[str, bytes], ...]:
    """The package that runs inside Kamailio, as files."""
    package = resources("voxgate_sip")
    names = sorted(entry.name for entry in package.iterdir() if entry.name.endswith(".py"))
    return tuple((name, (package / name).read_bytes()) for name in names)


#: What the router's processes import, and nothing else of Voxgate.
_ROUTER_CODE = ("errors.py", "guard/observation.py", "wire/access_line.py", "wire/proxy_v2.py")


@cache
def _router() -> tuple[tuple[str, bytes], ...]:
    """The router's code, as files below a folder that is on Python's path."""
    package = resources("voxgate")
    found = {
        f"voxgate/{path}": (package / path).read_bytes() for path in (*_ROUTER_CODE, *_modules(package / "router"))
    }
    folders = {path.rpartition("/")[0] for path in found}
    empty = {f"{folder}/__init__.py": b"" for folder in folders}
    return tuple(sorted((empty | found).items()))


def _modules(folder: Traversable, below: str = "router") -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _modules(entry, f"{below}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{below}/{entry.name}"
