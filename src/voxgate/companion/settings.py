"""Settings for the PBX's side, from data in `systems/`. Pure but for reading that data.

A file has `title`, `checked` (how we know) and `settings`: each with `where` it is, the `value` and `why`; `when` names
what must be served for it to count. `{name}` in a value stands for a field of `Given`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import yaml

from voxgate.config.crosscheck import ports_of
from voxgate.config.network import Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voxgate.config.model import Config
    from voxgate.config.network import Network

SYSTEMS: Final = ("asterisk", "freepbx", "fusionpbx", "3cx", "innovaphone", "nethvoice")
_FOLDER: Final = "systems"


@dataclass(frozen=True, slots=True)
class Given:
    """What the texts need to know. `edge` is the address that the PBX sees the edge at, `others` its further ones,
    `trunk` the first trunk that the PBX may use.
    """

    pbx: str
    edge: str
    others: str
    domain: str
    proxy: str
    transport: str
    port: int
    media: str
    trunk: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: where it is, what it is to be, and why."""

    where: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """All settings of one system. `checked` says how they were tried."""

    system: str
    title: str
    checked: str
    settings: tuple[Setting, ...]

    def __str__(self) -> str:
        lines = [f"{self.title}", f"({self.checked})"]
        for number, one in enumerate(self.settings, 1):
            lines += ["", f"{number}. {one.where}", *(f"       {line}" for line in one.value.splitlines())]
            lines.append(f"   Because {one.why}")
        return "\n".join(lines)


def advice(system: str, pbx: str, config: Config, network: Network) -> Advice:
    """What `system` has to be told as the PBX `pbx`."""
    data = _data(system)
    given = given_of(pbx, config, network)
    words = {field.name: getattr(given, field.name) for field in fields(given)}
    served = frozenset(_served(pbx, config))
    chosen = [one for one in data["settings"] if one.get("when", "") in {"", *served}]
    return Advice(
        system,
        data["title"].format(**words),
        data["checked"],
        tuple(Setting(*(one[key].strip().format(**words) for key in ("where", "value", "why"))) for one in chosen),
    )


def given_of(pbx: str, config: Config, network: Network) -> Given:
    """The values of one edge and PBX."""
    section = config.pbxs[pbx]
    version = section.nodes[0].address.version
    inside = Side.INSIDE4 if version == 4 else Side.INSIDE6
    ours = [str(side.local) for side in network.sides if side.side is inside]
    others = [str(side.local) for side in network.sides if str(side.local) not in ours]
    transport, port = ports_of(section.sip)[0]
    return Given(
        pbx=pbx,
        edge=ours[0] if ours else config.edge.domain,
        others=", ".join(dict.fromkeys(others)) or "none",
        domain=next((name for name in section.names if "/" not in name), section.names[0].partition("/")[0]),
        proxy=config.edge.domain,
        transport=transport,
        port=port,
        media=str(config.media.ports),
        trunk=next((name for name, trunk in config.trunks.items() if pbx in trunk.pbxs), ""),
    )


def _served(pbx: str, config: Config) -> Iterator[str]:
    section = config.pbxs[pbx]
    yield from (key for key in ("http", "ldap", "h323") if getattr(section, key) is not None)
    yield from ("trunks" for trunk in config.trunks.values() if pbx in trunk.pbxs)
    yield section.srtp.value if section.srtp.value != "off" else "rtp"


@cache
def _data(system: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((files(__package__) / _FOLDER / f"{system}.yaml").read_text("utf-8"))
    return found
