"""`Desired` against `Desired` -> `Plan`: sentences for people, steps for `apply`, what needs a word. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from voxgate.engines.base import Action
from voxgate.plan.change import Change, Kind
from voxgate.plan.sentences import changes, network_changes
from voxgate.plan.steps import Do, Step, significant, steps
from voxgate.plan.unified import FileDiff, file_diffs

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.plan.desired import Desired

TURN = ("coturn", "coturn-rest")

#: Which engine's restart or start a change of these keys leads to; what the steps do not hold is not claimed.
CAUSES = {
    "edge.domain": ("kamailio", *TURN),
    "edge.interface": ("kamailio", "rtpengine", *TURN),
    "edge.address": ("kamailio", "rtpengine", *TURN),
    "edge.public_address": ("kamailio", "rtpengine", *TURN),
    "edge.inside_interface": ("kamailio", "rtpengine", *TURN),
    "edge.topology_hiding": ("kamailio",),
    "network.i": ("kamailio", "rtpengine", *TURN),
    "network.o": ("kamailio", "rtpengine", *TURN),
    "certificates": ("kamailio", "haproxy", *TURN),
    "listen": ("kamailio", "haproxy"),
    "media": ("rtpengine",),
    "turn": TURN,
    "health": ("kamailio",),
}

LISTENER_KEYS = frozenset(
    (
        *(f"listen.sip.{key}" for key in ("udp", "tcp", "tls", "wss", "ws")),
        *(f"listen.ldap{key}" for key in ("", ".plain", ".tls", ".ipv4", ".ipv6")),
        *(f"listen.http{key}" for key in ("", ".plain", ".tls", ".ipv4", ".ipv6")),
        *(f"listen.h323{key}" for key in ("", ".plain", ".tls", ".ipv4", ".ipv6")),
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apply` will do and what it means, as a value that prints itself.

    `dangers` need a human word (`--yes`). Without changes and steps there is nothing to do.
    """

    before: Desired | None
    after: Desired
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    dangers: tuple[str, ...]

    @property
    def generation(self) -> int:
        """The generation that runs afterwards: the former one when there is nothing to do."""
        return self.before.generation if self.before and self.nothing_to_do else self.after.generation

    @property
    def nothing_to_do(self) -> bool:
        """Whether what is asked for runs already."""
        return not self.changes and not self.steps

    @property
    def summary(self) -> str:
        """One line for the history."""
        if not self.changes:
            return "nothing to do"
        more = f" (and {len(self.changes) - 1} more)" if len(self.changes) > 1 else ""
        return self.changes[0].sentence + more

    def file_diffs(self) -> tuple[FileDiff, ...]:
        """The files' differences; made when asked for, because long files take time."""
        return () if self.nothing_to_do else file_diffs(self.before, self.after)

    def to_json(self) -> dict[str, object]:
        """`{"generation", "nothing_to_do", "changes": [{"kind", "key", "sentence", "effect"}],
        "steps": [{"engine", "action", "write", "remove", "because", "effect"}], "dangers": [text]}`.
        """
        return {
            "generation": self.generation,
            "nothing_to_do": self.nothing_to_do,
            "changes": [
                {"kind": c.kind.name.lower(), "key": c.key, "sentence": c.sentence, "effect": c.effect}
                for c in self.changes
            ],
            "steps": [
                {
                    "engine": step.engine,
                    "action": step.action.value,
                    "write": [file.path for file in step.write],
                    "remove": list(step.remove),
                    "because": list(step.because),
                    "effect": step.effect,
                }
                for step in self.steps
            ],
            "dangers": list(self.dangers),
        }

    def __str__(self) -> str:
        if self.nothing_to_do:
            return f"Nothing to do: generation {self.generation} runs as configured."
        now = f" (now {self.before.generation})" if self.before else " (nothing runs yet)"
        lines = [f"Generation {self.generation}{now}", ""]
        lines += [f"  {change}" for change in self.changes]
        lines += ["", "What will be done:", *(f"  {step}" for step in self.steps)]
        if self.dangers:
            lines += ["", "Needs your word (--yes):", *(f"  ! {danger}" for danger in self.dangers)]
        return "\n".join(lines)


def diff(before: Desired | None, after: Desired) -> Plan:
    """What leads from `before` (what runs; `None`: nothing) to `after` by the smallest sufficient actions."""
    told = changes(before.config if before else None, after.config)
    told += network_changes(before, after) if before else ()
    if before and not told and not significant(before, after):
        return Plan(before, after, (), (), ())
    done = steps(before, after)
    told = tuple(replace(change, effect=_effect(change, done)) for change in told)
    told += _untold(before, told, done)
    return Plan(before, after, told, done, _dangers(before, after, told, done))


def _effect(change: Change, done: tuple[Step, ...]) -> str:
    engines = next((names for key, names in CAUSES.items() if change.key.startswith(key)), ())
    actions = {Do.RESTART, Do.STOP} | ({Do.TLS} if change.key.startswith("certificates") else set())
    effects = (step.effect for step in done if step.engine in engines and step.action in actions)
    return "; ".join(effects)


def _untold(before: Desired | None, told: tuple[Change, ...], done: tuple[Step, ...]) -> tuple[Change, ...]:
    """What is done although no key differs: a renewed certificate, another version of Voxgate."""
    if before is None:
        return ()
    held = {file.path for state in before.engines for file in state.files if file.action is Action.TLS}
    found = []
    for step in done:
        certificates = {file.path for file in step.write if file.path.endswith(".pem")} & held
        if certificates and not any(change.key.startswith("certificates") for change in told):
            effect = step.effect if step.action in {Do.TLS, Do.RESTART} else ""
            found.append(Change(Kind.CHANGE, f"{step.engine}.tls", "certificate for TLS is another one", effect))
    if not told and not found:
        found = [
            Change(Kind.CHANGE, step.engine, f"{step}, though the configuration is the same", step.effect)
            for step in done
            # The policy alone follows the generation number.
            if step.action is not Do.POLICY or len(done) == 1
        ]
    return tuple(found)


def _dangers(
    before: Desired | None, after: Desired, told: tuple[Change, ...], done: tuple[Step, ...]
) -> tuple[str, ...]:
    if before is None:
        return ()
    found = [change.sentence for change in told if _takes_away(change)]
    found += _replaced(before.config, after.config)
    found += [step.effect for step in done if step.interrupts]
    return tuple(dict.fromkeys(found))


def _takes_away(change: Change) -> bool:
    removed_pbx = change.kind is Kind.REMOVE and change.key.startswith("pbxs.") and change.key.count(".") == 1
    moved_listener = change.key in LISTENER_KEYS and change.kind is not Kind.ADD
    moved_side = change.key.startswith(("network.i", "network.o")) and change.kind is not Kind.ADD
    return removed_pbx or moved_listener or moved_side


def _replaced(before: Config, after: Config) -> list[str]:
    """A danger when more than half of the PBXs are gone or have not one address in common with before."""
    replaced = 0
    for name, pbx in before.pbxs.items():
        now = after.pbxs.get(name)
        kept = {node.address for node in pbx.nodes} & {node.address for node in now.nodes} if now else set()
        replaced += not kept
    total = len(before.pbxs)
    return [f"replaces {replaced} of {total} PBXs"] if replaced * 2 > total else []
