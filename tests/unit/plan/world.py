"""A small world to plan in: two engines that derive their files from the configuration, and a machine made of dicts."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from voxgate.config.model import Config
from voxgate.config.network import Network, Side, SideAddress
from voxgate.engines.base import Action, Check, EngineState, File, Listener, Process
from voxgate.errors import EngineError
from voxgate.plan.desired import Desired

EDGE = {
    "edge": {"domain": "edge.example.com"},
    "pbxs": {
        "hq": {"names": ["example.com", "hq.example.com"], "nodes": [{"address": "172.16.0.10"}]},
        "x": {"names": ["x.example", "y.example", "z.example"], "nodes": [{"address": "172.16.9.10"}]},
    },
    "certificates": {"others": {"shop": {"names": ["example.org"]}}},
    "trunks": {"carrier": {"addresses": ["198.51.100.7"], "dids": {"5X": {"pbx": "hq"}}}},
    "guard": {"feeds": {"bad": {"source": "/bad.txt"}}},
}

OUTSIDE = SideAddress(Side.OUTSIDE4, ip_address("203.0.113.45"), ip_address("192.168.1.10"))
NETWORK = Network("edge.example.com", (OUTSIDE,), (ip_network("192.168.1.0/24"),))


def edited(path: str = "", value: object = None) -> Config:
    """The configuration `EDGE` with the value at a dotted path set, or taken out when it is the text `-`."""
    tree: dict[str, object] = copy.deepcopy(EDGE)
    *above, last = path.split(".") if path else [""]
    branch = tree
    for part in above:
        inner = branch.setdefault(part, {})
        assert isinstance(inner, dict)
        branch = inner
    if path and value == "-":
        del branch[last]
    elif path:
        branch[last] = value
    return Config.model_validate(tree)


def desired(config: Config, generation: int = 1, network: Network = NETWORK, certificate: bytes = b"old") -> Desired:
    """What the two engines want for `config`."""
    return Desired(generation, config, network, (rtpengine(config), kamailio(config, generation, certificate)))


def rtpengine(config: Config) -> EngineState:
    """Everything is on the command line."""
    media = config.media
    argv = ("rtpengine", f"--port={media.ports}", f"--tos={media.dscp}")
    return EngineState("rtpengine", Process((*argv, f"--timeout={media.timeout_seconds}"), "rtpengine"))


def kamailio(config: Config, generation: int, certificate: bytes) -> EngineState:
    """One file for each action."""
    sip, policy = config.listen.sip, ({name: pbx.names for name, pbx in config.pbxs.items()}, config.trunks)
    files = (
        File("kamailio.cfg", f"{sip} {config.health} {config.edge}".encode(), Action.RESTART),
        File("tls/cert.pem", certificate, Action.TLS, secret=True),
        File("dispatcher.list", str([(p.nodes, p.sip) for p in config.pbxs.values()]).encode(), Action.DISPATCHER),
        File("policy.json", f"{generation} {policy}".encode(), Action.POLICY, fingerprint=str(policy).encode()),
    )
    ports = (("udp", sip.udp), ("tcp", sip.tcp), ("tls", sip.tls))
    listeners = tuple(Listener(proto, "192.168.1.10", port, "SIP") for proto, port in ports if port)
    return EngineState(
        "kamailio", Process(("kamailio", "-DD"), "kamailio"), files, Check(("kamailio", "-c")), listeners
    )


@dataclass
class FakeMachine:
    """Implements `Hands` on dicts. `fail` holds the numbers of the calls that raise, counted from 0.

    A failing call has done its work before it raises where `half` is set: an answer can be lost on the way.
    `disk` is what lies there, `loaded` what each running engine has read of it, by action.
    """

    fail: frozenset[int] = frozenset()
    half: bool = False
    disk: dict[tuple[str, str], bytes] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    loaded: dict[str, dict[str, bytes]] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    @classmethod
    def holding(cls, desired: Desired | None) -> FakeMachine:
        """A machine on which `desired` runs."""
        machine = cls()
        for state in desired.engines if desired else ():
            for file in state.files:
                machine.disk[state.name, file.path] = file.content
            machine._read_all(state)
        return machine

    def state(self) -> object:
        """All that can be seen from outside."""
        return copy.deepcopy((self.disk, self.processes, self.loaded, self.generations))

    async def check(self, desired: Desired, engine: str) -> None:
        self._call(f"check {engine} {desired.generation}", lambda: None)

    async def write(self, state: EngineState, file: File) -> None:
        self._call(f"write {state.name}/{file.path}", lambda: self.disk.update({(state.name, file.path): file.content}))

    async def remove(self, engine: str, path: str) -> None:
        self._call(f"remove {engine}/{path}", lambda: self.disk.pop((engine, path), None))

    async def reload(self, engine: str, action: Action, generation: int) -> None:
        assert engine in self.processes, "a reload of what does not run"
        self._call(f"reload {engine} {action.value}", lambda: self._read(engine, action, generation))

    async def start(self, state: EngineState, generation: int) -> None:
        assert generation
        assert state.name not in self.processes, "a start of what runs"
        self._call(f"start {state.name}", lambda: self._read_all(state))

    async def restart(self, state: EngineState, generation: int) -> None:
        assert generation
        # As the real one: what fails to come back is stopped.
        self.processes.pop(state.name, None)
        self.loaded.pop(state.name, None)
        self._call(f"restart {state.name}", lambda: self._read_all(state))

    async def stop(self, engine: str) -> None:
        self._call(f"stop {engine}", lambda: self._forget(engine))

    async def verify(self, engine: str, generation: int) -> None:
        self._call(f"verify {engine}", lambda: None)
        if engine not in self.processes:
            raise EngineError(engine, "does not answer")

    def _call(self, name: str, effect: object) -> None:
        assert callable(effect)
        number, failing = len(self.calls), len(self.calls) in self.fail
        self.calls.append(name)
        if not failing or self.half:
            effect()
        if failing:
            raise EngineError(name, f"refused at call {number}")

    def _read(self, engine: str, action: Action, generation: int) -> None:
        held = self.loaded[engine]
        for path in [path for path in held if path.startswith(f"{action.value}:")]:
            del held[path]
        prefix = f"{action.value}:"
        for (name, path), content in self.disk.items():
            if name == engine and ACTIONS.get(path, Action.RESTART) is action:
                held[prefix + path] = content
        if action is Action.POLICY:
            self.generations[engine] = generation

    def _read_all(self, state: EngineState) -> None:
        self.processes[state.name] = state.process
        self.loaded[state.name] = {}
        for action in Action:
            self._read(state.name, action, 0)
        policy = next((f.content for f in state.files if f.path == "policy.json"), b"0 ")
        self.generations[state.name] = int(policy.split(b" ")[0])

    def _forget(self, engine: str) -> None:
        for held in (self.processes, self.loaded, self.generations):
            held.pop(engine, None)


#: Which action makes a file effective in the fake engines.
ACTIONS = {
    "tls/cert.pem": Action.TLS,
    "tls/more.pem": Action.TLS,
    "dispatcher.list": Action.DISPATCHER,
    "policy.json": Action.POLICY,
}


def without_engine(whole: Desired, name: str) -> Desired:
    """The same without one engine."""
    return replace(whole, engines=tuple(state for state in whole.engines if state.name != name))
