"""Kamailio carries SIP; our script inside it decides. Pure.

Its files, and what a change of each takes:

    topology.key           what hides the PBXs' addresses: restart
    kamailio.cfg, lib/     sockets, modules, the script itself: restart
    tls.cfg, *.pem         certificates: TLS reload, connections stay
    dispatcher.list        nodes that are watched: dispatcher reload
    policy.json            everything that the script decides by: a new generation number
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.config.certificates import MOST_OTHER_NAMES
from voxgate.engines import siptrace
from voxgate.engines.base import Action, Check, EngineState, File, Listener, Process
from voxgate.engines.render import render
from voxgate.engines.rtpengine import NG_PORT
from voxgate.engines.sip_policy import policy_of, sockets_of
from voxgate.engines.trunk_tls import profile_files, profiles
from voxgate.engines.websocket import MOST
from voxgate_sip.policy import dumps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import Places
    from voxgate.engines.sni import Further
    from voxgate.engines.trunk_tls import Profile, TrunkFiles
    from voxgate_sip.policy import Policy

#: Shared memory for transactions, connections and tables; private memory of each process. In MiB.
SHARED_MIB: Final = 256
PRIVATE_MIB: Final = 16
#: What names with certificates of their own need on top for each worker, twice: a reload holds the old ones too.
FURTHER_MIB: Final = MOST_OTHER_NAMES * 2 * 36 // 100
#: What as many WebSocket connections as HAProxy lets through need on top.
WEBSOCKET_MIB: Final = MOST * 150 // 1024
_LOW_PORTS: Final = 1024
#: It looks its own host name up before it reads its file; all else is looked up elsewhere. Where /etc/hosts lacks the
#: name and no server answers, the system's resolver would hold every start and check for ten seconds and more.
_OWN_NAME_ONLY: Final = (("LOCALDOMAIN", ""), ("RES_OPTIONS", "timeout:1 attempts:1"))


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate chain and its key, both PEM; the names that it is for."""

    certificate: bytes
    key: bytes = dataclasses.field(repr=False)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kamailio:
    """The SIP engine. `script` holds the package `voxgate_sip` as (path, content), `clients_ca` authorities in PEM."""

    script: tuple[tuple[str, bytes], ...] = dataclasses.field(repr=False)
    certificate: Pair
    topology_key: str = dataclasses.field(repr=False)
    name: str = "kamailio"
    media: bool = True
    clients_ca: bytes = b""
    websocket_key: str = dataclasses.field(default="", repr=False)
    trunk_tls: Mapping[str, TrunkFiles] = dataclasses.field(default_factory=dict)
    further: tuple[Further, ...] = ()
    pbxs_ca: bytes = b""

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process and files for `config`."""
        folder = places.engine(self.name)
        policy = policy_of(config, network, generation, media=self.media)
        sockets = sockets_of(policy)
        return EngineState(
            name=self.name,
            process=self._process(
                folder,
                low_ports=any(port < _LOW_PORTS for _, _, port in sockets),
                shared_mib=_shared_mib(config, policy),
            ),
            files=tuple(self._files(config, policy, folder)),
            # Without a folder of its own even the check wants /run/kamailio, which only Debian's own service makes.
            check=Check(("kamailio", "-c", "-Y", str(folder), "-f", str(folder / "kamailio.cfg"))),
            listeners=tuple(
                Listener(proto, address.strip("[]"), port, f"SIP over {proto.upper()}")
                for proto, address, port in sockets
            ),
        )

    def _process(self, folder: Path, *, low_ports: bool, shared_mib: int) -> Process:
        memory = ("-x", "tlsf", "-X", "tlsf", "-m", str(shared_mib), "-M", str(PRIVATE_MIB))
        return Process(
            argv=("kamailio", "-DD", "-E", *memory, "-Y", str(folder), "-f", str(folder / "kamailio.cfg")),
            user="kamailio",
            capabilities=("net_bind_service",) if low_ports else (),
            env=(
                *_OWN_NAME_ONLY,
                ("PYTHONDONTWRITEBYTECODE", "1"),
                ("VOXGATE_EVENTS", str(folder / "events.sock")),
                ("VOXGATE_POLICY", str(folder / "policy.json")),
                ("VOXGATE_TOPOLOGY_KEY", str(folder / "topology.key")),
            ),
            quotes=True,
        )

    def _files(self, config: Config, policy: Policy, folder: Path) -> Iterator[File]:
        sockets = sockets_of(policy)
        protos = {proto for proto, _, _ in sockets}
        yield File(
            "kamailio.cfg",
            render(
                "kamailio.cfg",
                workers=config.listen.sip.workers,
                sockets=[f"{proto}:{address}:{port}" for proto, address, port in sockets],
                aliases=_aliases(config, policy),
                tcp=bool(protos & {"tcp", "tls"} or policy.websocket),
                tls="tls" in protos,
                media=self.media,
                websocket=policy.websocket,
                websocket_key=self.websocket_key,
                websocket_shown=_websocket_shown(policy),
                health=config.health,
                domain=config.edge.domain,
                ng_port=NG_PORT,
                trace_from=siptrace.SOURCE,
                trace_to=siptrace.TARGET,
                folder=folder,
            ),
            Action.RESTART,
        )
        yield File("topology.key", self.topology_key.encode(), Action.RESTART, secret=True)
        if "tls" in protos:
            yield from self._tls_files(policy, folder, profiles(config, self.trunk_tls, folder))
        yield File("dispatcher.list", dispatcher_list(policy), Action.DISPATCHER)
        yield File(
            "policy.json",
            dumps(policy).encode(),
            Action.POLICY,
            fingerprint=dumps(dataclasses.replace(policy, generation=0)).encode(),
            secret=any(trunk.password for trunk in policy.trunks.values()),
        )
        for path, content in self.script:
            yield File(f"lib/voxgate_sip/{path}", content, Action.RESTART)

    def _tls_files(self, policy: Policy, folder: Path, trunks: tuple[Profile, ...]) -> Iterator[File]:
        checks = bool(self.clients_ca) and any(pbx.check_certificate for pbx in policy.pbxs.values())
        shown, trusted = list(_shown(self.further)), bool(self.pbxs_ca)
        text = render("tls.cfg", folder=folder, checks=checks, shown=shown, trusted=trusted, trunks=trunks)
        yield File("tls.cfg", text, Action.TLS)
        yield from profile_files(self.trunk_tls)
        if self.pbxs_ca:
            yield File("pbxs-ca.pem", self.pbxs_ca, Action.TLS)
        for one in self.further:
            yield File(f"certificate-{one.name}.pem", one.certificate, Action.TLS)
            yield File(f"key-{one.name}.pem", one.key, Action.TLS, secret=True)
        if checks:
            yield File("clients-ca.pem", self.clients_ca, Action.TLS)
        yield File("certificate.pem", self.certificate.certificate, Action.TLS)
        yield File("key.pem", self.certificate.key, Action.TLS, secret=True)


def _shared_mib(config: Config, policy: Policy) -> int:
    """Shared memory, which costs nothing until it is used; whoever changes it restarts Kamailio."""
    tls = FURTHER_MIB * config.listen.sip.workers if config.listen.sip.tls else 0
    return SHARED_MIB + tls + (WEBSOCKET_MIB if policy.websocket else 0)


def _shown(further: tuple[Further, ...]) -> Iterator[tuple[str, str, int]]:
    """(short name, host name, `server_name_mode`) of every name with a certificate of its own; 2 is "below it"."""
    # The first that fits is taken: whole names before wildcards.
    names = sorted(((name, one.name) for one in further for name in one.asked), key=lambda pair: pair[0][0] == "*")
    for name, short in names:
        yield short, name.removeprefix("*."), 2 if name.startswith("*.") else 0


def _aliases(config: Config, policy: Policy) -> list[str]:
    """Names of ours at any port. Without brackets: Kamailio takes them off what it compares (socket_info.c).

    An address that we share with a PBX is ours at our sockets only: at its other ports the PBX is.
    """
    shared = {str(node.address) for pbx in config.pbxs.values() for node in pbx.nodes}
    return sorted(policy.own - shared)


def _alias(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _websocket_shown(policy: Policy) -> str:
    """`address:port` that a Via names where the script does not say otherwise; an address, because names cost DNS."""
    views = (policy.sides.get(side) for side in ("o4", "o6", "i4", "i6"))
    view = next((view for view in views if view and "ws" in view.ports), None)
    return f"{_alias(view.shown)}:{view.ports['ws']}" if view else ""


def dispatcher_list(policy: Policy) -> bytes:
    """The nodes to watch, one set for each PBX and trunk: `setid uri flags priority attrs` (dispatcher manual).

    The socket is named for each node, so that health checks leave from the side the node is on.
    """
    lines = []
    for pbx in policy.pbxs.values():
        for node in (*pbx.plain, *pbx.secure):
            view = policy.sides[node.side]
            socket = f"{node.proto}:{_alias(view.local)}:{view.ports[node.proto]}"
            lines.append(f"{pbx.group} {node.uri} 0 0 socket={socket}")
    for trunk in policy.trunks.values():
        for hop in trunk.hops if trunk.probe else ():
            view = policy.sides[hop.side]
            port = (trunk.own.port if trunk.own else 0) or view.ports[hop.proto]
            named = f";ping_from=sip:voxgate@{trunk.own.name}" if trunk.own and trunk.own.name else ""
            lines.append(f"{trunk.group} {hop.uri} 0 0 socket={hop.proto}:{_alias(view.local)}:{port}{named}")
    return ("\n".join(lines) + "\n").encode()
