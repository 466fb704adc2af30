"""Differences of the section `trunks` as sentences for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.trunks import Destination, Trunk
from voxgate.plan.change import Change, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.plan.change import Difference


def whole(difference: Difference) -> Change:
    """A trunk that comes or goes."""
    name = difference.key[1]
    match difference.old, difference.new:
        case _, Trunk() as new:
            of = f"{_numbers(new)} in, out for {', '.join(new.pbxs) or 'no PBX'}"
            return Change(Kind.ADD, difference.dotted, f"adds trunk {name}: {of}")
        case Trunk() as old, _:
            return Change(Kind.REMOVE, difference.dotted, f"removes trunk {name}: {_numbers(old)} without service")
        case _:
            return Change(Kind.CHANGE, difference.dotted, f"trunk {name}: changes")


def _numbers(trunk: Trunk) -> str:
    return "1 number" if len(trunk.dids) == 1 else f"{len(trunk.dids)} numbers"


def _did(difference: Difference) -> Change:
    trunk, number = difference.key[1], difference.key[3]
    if isinstance(difference.new, Destination):
        leads = " then ".join((difference.new.pbx, *difference.new.fallback))
        return Change(Kind.ADD, difference.dotted, f"trunk {trunk}: {number} leads to PBX {leads}")
    return Change(Kind.REMOVE, difference.dotted, f"trunk {trunk}: {number} leads nowhere, its callers get 404")


def _says(text: str) -> Callable[[Difference], Change]:
    def tell(difference: Difference) -> Change:
        old, new = (_shown(value) for value in (difference.old, difference.new))
        subject = text.format(*difference.key)
        return Change(Kind.CHANGE, difference.dotted, f"{subject}: {old} -> {new}")

    return tell


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = (
    (("trunks", "*"), whole),
    (("trunks", "*", "addresses"), _says("trunk {1}: the provider's addresses")),
    (("trunks", "*", "dids", "*"), _did),
    (("trunks", "*", "dids", "*", "pbx"), _says("trunk {1}: PBX of {3}")),
    (("trunks", "*", "dids", "*", "fallback"), _says("trunk {1}: PBXs after the first one of {3}")),
    (("trunks", "*", "pbxs"), _says("trunk {1}: PBXs that call out")),
    (("trunks", "*", "prefixes"), _says("trunk {1}: beginnings of numbers that go out")),
    (("trunks", "*", "srtp"), _says("trunk {1}: encrypted audio")),
)
