"""Green, yellow, red: what the status says of each thing. Pure.

A light is `good`, `warn`, `bad` or `off`; the words beside it say the same, for who does not see colours.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Of things that are well, only so many are shown on the overview: a page of a thousand green lamps tells nothing.
MOST_SHOWN: Final = 24

_OVERALL: Final = {"ok": "good", "degraded": "warn", "down": "bad"}
_NODE: Final = {"up": "good", "down": "bad", "unknown": "off"}
_ORDER: Final = {"bad": 0, "warn": 1, "off": 2, "good": 3}


@dataclass(frozen=True, slots=True)
class Light:
    """One thing: `state` in a word, `note` why it is so, `since` RFC 3339 or None."""

    name: str
    colour: str
    state: str
    note: str = ""
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The lights of one kind of things, the worst first; `counts`: colour, state, how many."""

    all: tuple[Light, ...]
    counts: tuple[tuple[str, str, int], ...]

    @property
    def shown(self) -> tuple[Light, ...]:
        """What the overview has room for."""
        return self.all[:MOST_SHOWN]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.all)


def board(lights: Iterable[Light]) -> Board:
    """Sorted, counted, and no longer than a page."""
    found = sorted(lights, key=lambda one: (_ORDER[one.colour], one.name))
    counts = Counter((_ORDER[one.colour], one.colour, one.state) for one in found)
    listed = tuple((colour, state, count) for (_, colour, state), count in sorted(counts.items()))
    return Board(tuple(found), listed)


def overall(status: Mapping[str, Any]) -> Light:
    """The edge itself."""
    state = str(status["overall"])
    words = {"ok": "all is well", "degraded": "not all is as configured", "down": "an engine does not serve"}
    return Light("edge", _OVERALL[state], words[state])


def engines(status: Mapping[str, Any]) -> Board:
    """Kamailio, rtpengine and the others."""
    return board(
        Light(
            one["name"],
            "good" if one["serving"] else "bad",
            "serves" if one["serving"] else str(one["phase"]),
            f"{one['restarts']} restarts: {one['last_reason']}" if one["restarts"] else "",
            one["since"],
        )
        for one in status["engines"]
    )


def pbxs(status: Mapping[str, Any]) -> Board:
    """Each PBX with its nodes."""
    nodes: dict[str, list[Mapping[str, Any]]] = {}
    for one in status["nodes"]:
        nodes.setdefault(one["pbx"], []).append(one)
    return board(_pbx(name, of_it) for name, of_it in nodes.items())


def _pbx(name: str, nodes: list[Mapping[str, Any]]) -> Light:
    counts = Counter(str(one["state"]) for one in nodes)
    up, down, number = counts["up"], counts["down"], len(nodes)
    since = max((one["since"] for one in nodes if one["since"]), default=None)
    away = ", ".join(f"{one['transport']} {one['address']}:{one['port']}" for one in nodes if one["state"] == "down")
    if down == number:
        return Light(name, "bad", "down", away, since)
    if down:
        return Light(name, "warn", f"{up} of {number} nodes up", away, since)
    return Light(name, *(("good", "up") if up else ("off", "not asked yet")), "", since)


def trunks(status: Mapping[str, Any]) -> Board:
    """Each provider: registration and addresses."""
    return board(trunk(one) for one in status["trunks"])


def trunk(one: Mapping[str, Any]) -> Light:
    """One provider."""
    name, account, addresses = str(one["name"]), one["registration"], one["addresses"]
    down = [at for at in addresses if at["state"] == "down"]
    since = max((at["since"] for at in addresses if at["since"]), default=None)
    away = ", ".join(f"{at['transport']} {at['address']}:{at['port']} is down" for at in down)
    unknown = "; ".join(f"{at['name']}: {at['reason']}" for at in one["names"] if at["reason"])
    if account in {"refused", "unreachable"}:
        return Light(name, "bad", f"registration {account}", str(one["reason"]), since)
    if down and len(down) == len(addresses):
        return Light(name, "bad", "down", away, since)
    if down or unknown:
        words = f"{len(addresses) - len(down)} of {len(addresses)} addresses up"
        return Light(name, "warn", words, away or unknown, since)
    if account == "registered":
        return Light(name, "good", "registered", f"until {one['until']}" if one["until"] else "", since)
    if account:
        return Light(name, "off", str(account))
    up = any(at["state"] == "up" for at in addresses)
    return Light(name, "good" if up else "off", "up" if up else "not asked", "", since)


def doctor(status: Mapping[str, Any]) -> tuple[str, tuple[tuple[Light, str], ...]]:
    """When the doctor looked last (empty: never yet), and what is wrong: why as the light's note, and the cure."""
    for report in status.get("doctor", ()):
        bad = [one for one in report["findings"] if one["grade"] != "note"]
        colours = {"error": "bad", "warning": "warn"}
        return str(report["at"]), tuple(
            (Light(one["what"], colours.get(one["grade"], "off"), one["grade"], one["why"]), one["cure"]) for one in bad
        )
    return "", ()


def node(state: str) -> str:
    """The colour of one address."""
    return _NODE.get(state, "off")


def certificates(status: Mapping[str, Any]) -> Board:
    """What TLS clients are shown."""
    return board(certificate(one) for one in status.get("certificates", ()))


def certificate(one: Mapping[str, Any]) -> Light:
    """One certificate: with an alarm, signed by the edge itself, or good."""
    name, until = str(one["name"]), f"until {str(one['expires'])[:10]}"
    if one["alarm"]:
        return Light(name, "bad" if one["alarm"] == "expired" else "warn", until, str(one["alarm"]))
    own = one["origin"] == "own"
    return Light(name, "good", until, "signed by the edge itself" if own else f"by {one['issuer']}")
