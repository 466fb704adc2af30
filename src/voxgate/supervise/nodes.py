"""PBX nodes as Kamailio's health checks see them: up or down since when.

Two sources: an event for each change, as a datagram from Kamailio's processes, and the dispatcher's own list
when somebody asks. Events give the moment; the list heals what was lost.

The dispatcher calls every node active before it has asked it, after each reload and restart again. So "up" from
the list counts only when a check has had the time to fail since then; an event counts at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host.ports import DATAGRAM_QUEUE, raise_datagram_queue
from voxgate.supervise.status import NodeState, NodeStatus
from voxgate.supervise.trunk_status import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from voxgate.host.clock import Clock
    from voxgate.supervise.hands import Rpc
    from voxgate_sip.policy import Policy

log = logging.getLogger(__name__)

#: Between the parts of an event that is no JSON (`voxgate_sip.events`).
_PART: Final = "\x1d"
_STATES = {"up": NodeState.UP, "down": NodeState.DOWN}

#: Checks in which a dead node is noticed: the first may have begun before the node was there.
_CHECKS: Final = 2
#: A check waits for its answer as long as tm's `fr_timer`, and less than this.
_ANSWER_S: Final = 5.0


class NodeWatch:
    """Keeps the state of every node of the running configuration, by its URI."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._nodes: dict[str, NodeStatus] = {}
        #: Where somebody answers who is not whom the certificate should name: they count as down, whatever they answer.
        self._strangers: set[str] = set()
        self._check_takes_s = 0.0
        self._asked_all_at_s = 0.0

    def follow(self, nodes: Mapping[str, NodeStatus], health_interval_s: float) -> None:
        """Watch these nodes, URI -> status, that are asked each `health_interval_s`; what is known already stays."""
        self._nodes = {uri: self._nodes.get(uri, status) for uri, status in nodes.items()}
        self._strangers.clear()
        self._check_takes_s = _CHECKS * health_interval_s + _ANSWER_S
        self.starts_afresh()

    def starts_afresh(self) -> None:
        """Kamailio has a new list of nodes and has asked none of them."""
        self._asked_all_at_s = self._clock.monotonic() + self._check_takes_s

    def report(self, uri: str, state: NodeState) -> None:
        """A node is in this state now; unknown URIs are another generation's and count for nothing."""
        node = self._nodes.get(uri)
        if node is None or node.state is state or (state is NodeState.UP and uri in self._strangers):
            return
        self._nodes[uri] = replace(node, state=state, since=self._clock.wall())
        log.info("node_state state=%s pbx=%s uri=%s", state.value, node.pbx or "-", uri)

    def vouch(self, uri: str, *, good: bool) -> None:
        """The certificate of whoever answers there is good, or somebody else's."""
        if good:
            self._strangers.discard(uri)
        elif uri in self._nodes:
            self._strangers.add(uri)
            self.report(uri, NodeState.DOWN)

    def snapshot(self) -> tuple[NodeStatus, ...]:
        """All nodes of PBXs."""
        return tuple(node for node in self._nodes.values() if node.pbx)

    def of(self, uri: str) -> NodeStatus | None:
        """The node or trunk's address with that URI."""
        return self._nodes.get(uri)

    async def refresh(self, rpc: Rpc) -> None:
        """Ask Kamailio for its list; when it does not answer (or cannot, for its size), what is known stays."""
        try:
            answer = await rpc.call("dispatcher.list", "short")
        except (PeerError, EngineError) as error:
            log.info("nodes_not_listed reason=%s", error)
            return
        all_asked = self._clock.monotonic() >= self._asked_all_at_s
        for uri, flags in listed(answer):
            if not flags.startswith("A"):
                self.report(uri, NodeState.DOWN)
            elif all_asked:
                self.report(uri, NodeState.UP)


def listed(answer: object) -> Iterator[tuple[str, str]]:
    """URI and flags of every destination in the answer to `dispatcher.list`; A, I, T, D stand for its state.

    Not yet checked (`X` as second letter) is left out: nothing is known.
    """
    found: list[Any] = [answer]
    while found:
        match found.pop():
            case {"URI": str(uri), "FLAGS": str(flags)}:
                if "T" not in flags:
                    yield uri, flags
            case dict() as mapping:
                found.extend(mapping.values())
            case list() as items:
                found.extend(items)


def nodes_of(policy: Policy) -> dict[str, NodeStatus]:
    """Every node of a policy by its URI, nothing known about it yet."""
    return {
        node.uri: NodeStatus(pbx.name, node.address, node.port, node.proto, NodeState.UNKNOWN, None)
        for pbx in policy.pbxs.values()
        for node in (*pbx.plain, *pbx.secure)
    }


def hops_of(policy: Policy) -> dict[str, NodeStatus]:
    """Every address of a trunk that is asked whether it is there, as `nodes_of`; it is no PBX's."""
    return {
        hop.uri: NodeStatus("", hop.address, hop.port, hop.proto, NodeState.UNKNOWN, None)
        for trunk in policy.trunks.values()
        for hop in (trunk.hops if trunk.probe else ())
    }


def addresses_of(policy: Policy, watch: NodeWatch) -> dict[str, tuple[Address, ...]]:
    """Every trunk's addresses with what is known of each, by the trunk's name."""
    found = {}
    for name, trunk in policy.trunks.items():
        seen = ((hop, watch.of(hop.uri) if trunk.probe else None) for hop in trunk.hops)
        found[name] = tuple(
            Address(hop.proto, hop.address, hop.port, node.state.value if node else "", node.since if node else None)
            for hop, node in seen
        )
    return found


class EventSocket(asyncio.DatagramProtocol):
    """Takes what `voxgate_sip.events` sends; `listeners` are told of other events, by name. All else is dropped."""

    def __init__(
        self, watch: NodeWatch, listeners: Mapping[str, Callable[[dict[str, Any]], None]] | None = None
    ) -> None:
        self._watch = watch
        self._listeners = listeners or {}

    def datagram_received(self, data: bytes, addr: object) -> None:
        """One event."""
        if data[:1] != b"{":
            name, *parts = data.decode("utf-8", "replace").split(_PART)
            if name in self._listeners:
                self._listeners[name]({"event": name, "parts": parts})
            return
        try:
            event = json.loads(data)
        except ValueError:
            return
        match event:
            case {"event": "node", "uri": str(uri), "state": "up" | "down" as state}:
                self._watch.report(uri, _STATES[state])
            case {"event": "voucher", "uri": str(uri), "good": bool(good)}:
                self._watch.vouch(uri, good=good)
            case {"event": str(name)} if name in self._listeners:
                self._listeners[name](event)


def open_event_socket(path: Path, gid: int) -> socket.socket:
    """A datagram socket that processes of the group `gid` may write to. Raises HostError."""
    if (queue := raise_datagram_queue()) < DATAGRAM_QUEUE:
        log.warning("short_event_queue datagrams=%d advice=%s", queue, "set sysctl net.unix.max_dgram_qlen=4096")
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        path.unlink(missing_ok=True)
        receiver.bind(str(path))
        path.chmod(0o660)
        if gid >= 0:
            os.chown(path, -1, gid)
    except OSError as error:
        receiver.close()
        raise HostError(f"{path} cannot be opened: {error.strerror or error}", "see to its folder") from error
    receiver.setblocking(False)
    return receiver
