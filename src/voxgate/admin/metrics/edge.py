"""What `voxgate status --json` tells -> families. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from voxgate.admin.metrics.exposition import Family, Labels, counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OVERALL = ("ok", "degraded", "down")


def families(status: Mapping[str, Any], version: str) -> list[Family]:
    """Of the edge itself, its engines, PBXs, trunks, certificates, limits and the guard."""
    return [
        gauge("voxgate_build_info", "The version that runs.", ((("version", version),), 1)),
        gauge("voxgate_generation", "The generation of the configuration that runs.", ((), status["generation"])),
        gauge(
            "voxgate_health",
            "1 for the present state of the edge: ok, degraded (not as configured) or down (an engine does not serve).",
            *(((("state", one),), float(status["overall"] == one)) for one in _OVERALL),
        ),
        *_engines(status["engines"]),
        *_peers(status),
        *_certificates(status.get("certificates", ())),
        *_limits(status),
        *_doctor(status.get("doctor", ())),
    ]


def _engines(engines: Iterable[Mapping[str, Any]]) -> list[Family]:
    rows = [((("engine", str(one["name"])),), one) for one in engines]
    return [
        gauge(
            "voxgate_engine_up", "1 while the engine serves.", *((name, float(one["serving"])) for name, one in rows)
        ),
        counter(
            "voxgate_engine_restarts_total",
            "Restarts of the engine that nobody asked for, since Voxgate started.",
            *((name, one["restarts"]) for name, one in rows),
        ),
        gauge(
            "voxgate_engine_state_since_timestamp_seconds",
            "When the engine's present state began.",
            *((name, seconds) for name, one in rows if (seconds := _epoch(one["since"])) is not None),
        ),
    ]


def _peers(status: Mapping[str, Any]) -> list[Family]:
    nodes = [
        ((("pbx", one["pbx"]), ("address", one["address"]), ("port", str(one["port"]))), one)
        for one in status["nodes"]
        if one["state"] != "unknown"
    ]
    trunks = status.get("trunks", ())
    addresses = [
        ((("trunk", trunk["name"]), ("address", one["address"])), float(one["state"] == "up"))
        for trunk in trunks
        for one in trunk["addresses"]
        if one["state"] != "unknown"
    ]
    registered = [
        ((("trunk", one["name"]),), float(one["registration"] == "registered"))
        for one in trunks
        if one.get("registration") not in {None, "", "none"}
    ]
    return [
        gauge(
            "voxgate_pbx_node_up",
            "1 while the node of a PBX answers health checks.",
            *_once((labels, float(one["state"] == "up")) for labels, one in nodes),
        ),
        gauge("voxgate_trunk_address_up", "1 while an address of a provider answers.", *_once(addresses)),
        gauge("voxgate_trunk_registered", "1 while the account at the provider is registered.", *registered),
    ]


def _certificates(certificates: Iterable[Mapping[str, Any]]) -> list[Family]:
    ends = [((("certificate", one["name"]),), _epoch(one["expires"])) for one in certificates]
    return [
        gauge(
            "voxgate_certificate_expiry_timestamp_seconds",
            "When the certificate that clients are shown expires.",
            *((labels, end) for labels, end in ends if end is not None),
        )
    ]


def _limits(status: Mapping[str, Any]) -> list[Family]:
    limits = [((("kind", one["kind"]), ("name", one["name"])), one) for one in status.get("limits", ())]
    spending = [((("pbx", one["pbx"]), ("class", one["class"])), one) for one in status.get("spending", ())]
    return [
        gauge(
            "voxgate_limited_calls", "Calls that count for a limit now.", *((key, one["calls"]) for key, one in limits)
        ),
        gauge(
            "voxgate_limited_calls_max",
            "How many of them there may be.",
            *((key, one["calls_limit"]) for key, one in limits if one["calls_limit"]),
        ),
        gauge(
            "voxgate_spending_last_day_seconds",
            "Call time of a class of destinations in the last 24 hours.",
            *((key, one["minutes_last_day"] * 60) for key, one in spending),
        ),
    ]


def _doctor(reports: Iterable[Mapping[str, Any]]) -> list[Family]:
    """What its last round found; there is one report at most."""
    report = next(iter(reports), None)
    looked = _epoch(report["at"]) if report else None
    if report is None or looked is None:
        return []
    grades = Counter(one["grade"] for one in report["findings"])
    return [
        gauge("voxgate_doctor_last_run_timestamp_seconds", "When the edge examined itself last.", ((), looked)),
        gauge(
            "voxgate_doctor_findings",
            "What was wrong then, by grade.",
            *(((("grade", grade),), grades[grade]) for grade in ("error", "warning", "note")),
        ),
    ]


def people(
    calls: Iterable[Mapping[str, Any]],
    registrations: int,
    bans: Iterable[Mapping[str, Any]],
    pbxs: Iterable[str] = (),
) -> list[Family]:
    """Who is there: calls, registrations, bans. None of them is 0, not nothing: alerts and plots go on."""
    of_pbx = Counter(dict.fromkeys(pbxs, 0))
    of_pbx.update(pbx for call in calls for pbx in call["pbxs"])
    origins = Counter({"guard": 0, "hand": 0})
    origins.update(str(ban.get("origin", "guard")) for ban in bans)
    return [
        gauge("voxgate_calls", "Calls that run, by PBX.", *(((("pbx", pbx),), n) for pbx, n in sorted(of_pbx.items()))),
        gauge("voxgate_registrations", "Registrations through the edge.", ((), registrations)),
        gauge(
            "voxgate_bans",
            "Networks that are shut out, by who did it.",
            *(((("origin", origin),), n) for origin, n in sorted(origins.items())),
        ),
    ]


def _once(samples: Iterable[tuple[Labels, float]]) -> tuple[tuple[Labels, float], ...]:
    """One series for each set of labels: up if any of them is."""
    found: dict[Labels, float] = {}
    for labels, value in samples:
        found[labels] = max(value, found.get(labels, 0.0))
    return tuple(found.items())


def _epoch(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
