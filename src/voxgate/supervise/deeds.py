"""Which requests change something, in words for the audit log, and how they ended. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voxgate.config.places import dotted
from voxgate.errors import ConfigError
from voxgate.wire.admin_request import EditRequest
from voxgate.wire.certs_request import CertsAction, CertsRequest
from voxgate.wire.control import ApplyRequest, Request, RollbackRequest
from voxgate.wire.guard_request import GuardAction, GuardRequest

if TYPE_CHECKING:
    from voxgate.errors import VoxgateError

_LOOKS = frozenset({GuardAction.BANS, GuardAction.WHY})
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody wants to change."""

    action: str
    target: str


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of it: done, refused (wrong, or without a word), failed (tried, and put back)."""

    result: str
    detail: str = ""
    generation: int | None = None


def deed_of(request: Request) -> Deed | None:
    """None for a request that only looks. Values are not told: they may be secrets in the wrong place."""
    match request:
        case EditRequest(dry=False, files=dict() as files):
            deed = Deed("config.replace", " ".join(files))
        case EditRequest(dry=False, changes=changes):
            keys = [f"{'-' if one.remove else ''}{dotted(one.key)}" for one in changes[:_MOST_NAMED]]
            deed = Deed("config.edit", " ".join(keys))
        case ApplyRequest(path):
            deed = Deed("config.apply", str(path or ""))
        case RollbackRequest(generation):
            deed = Deed("config.rollback", str(generation or "the one before"))
        case GuardRequest(action, network) if action not in _LOOKS:
            deed = Deed(f"guard.{action}", network)
        case CertsRequest(CertsAction.RENEW, name):
            deed = Deed("certs.renew", name or "all")
        case _:
            return None
    return deed


def refused(error: VoxgateError) -> Ending:
    """It was not even tried."""
    if isinstance(error, ConfigError):
        return Ending("refused", "; ".join(f"{one.key}: {one.message}" for one in error.problems[:_MOST_NAMED]))
    dangers = "; ".join(getattr(error, "dangers", ()))
    return Ending("refused", f"needs a word: {dangers}" if dangers else str(error).partition("\n")[0])


def outcome(data: dict[str, Any], exit_code: int) -> Ending:
    """It was tried. `data` is what the verb told."""
    plan = data.get("plan", data)
    changes = plan.get("changes", ()) if isinstance(plan, dict) else ()
    generation = data.get("generation")
    return Ending(
        "failed" if exit_code else "done",
        str(data.get("reason") or "; ".join(one["sentence"] for one in changes[:_MOST_NAMED])),
        generation if isinstance(generation, int) else None,
    )
