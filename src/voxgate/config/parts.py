"""The parts of a configuration that are good by themselves: cross checks speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from voxgate.config.admin import Admin
from voxgate.config.certificates import Certificates
from voxgate.config.fields import Section
from voxgate.config.model import Config, Edge, Listen, Media
from voxgate.config.pbxs import Pbx
from voxgate.config.scalars import PbxName
from voxgate.config.trunks import Trunk
from voxgate.config.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=Section)

_PBXS: TypeAdapter[dict[str, Pbx]] = TypeAdapter(dict[PbxName, Pbx])
_TRUNKS: TypeAdapter[dict[str, Trunk]] = TypeAdapter(dict[PbxName, Trunk])


@dataclass(frozen=True, slots=True)
class Parts:
    """A section that is wrong is None; a PBX or trunk that is wrong is missing."""

    edge: Edge | None
    certificates: Certificates | None
    listen: Listen | None
    media: Media | None
    pbxs: Mapping[str, Pbx]
    trunks: Mapping[str, Trunk]
    turn: Turn | None = None
    admin: Admin | None = None

    @classmethod
    def of_config(cls, config: Config) -> Parts:
        """All parts of a good configuration."""
        sections = (config.edge, config.certificates, config.listen, config.media, config.pbxs, config.trunks)
        return cls(*sections, config.turn, config.admin)

    @classmethod
    def of_data(cls, data: Mapping[str, object]) -> Parts:
        """What is good in a configuration that is wrong somewhere; a missing section has its default."""
        return cls(
            edge=_section(Edge, data.get("edge")),
            certificates=_section(Certificates, data.get("certificates", {})),
            listen=_section(Listen, data.get("listen", {})),
            media=_section(Media, data.get("media", {})),
            pbxs=_named(_PBXS, data.get("pbxs")),
            trunks=_named(_TRUNKS, data.get("trunks")),
            turn=_section(Turn, data.get("turn")),
            admin=_section(Admin, data.get("admin")),
        )


def _section(kind: type[S], value: object) -> S | None:
    try:
        return kind.model_validate(value)
    except ValidationError:
        return None


def _named(kind: TypeAdapter[dict[str, S]], value: object) -> dict[str, S]:
    good: dict[str, S] = {}
    for name, entry in value.items() if isinstance(value, dict) else ():
        try:
            good |= kind.validate_python({name: entry})
        except ValidationError:
            continue
    return good
