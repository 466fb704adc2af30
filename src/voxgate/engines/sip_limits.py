"""`Config` -> what the SIP script knows of limits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxgate.config.limits import Limits
    from voxgate.config.model import Config


def limits_of(config: Config) -> dict[str, tuple[int, int]]:
    """Who is limited -> (calls, calls per second), 0 for no limit; the subjects of `voxgate_sip.limits`."""
    given: dict[str, Limits | None] = {f"pbx:{name}": pbx.limits for name, pbx in config.pbxs.items()}
    given |= {f"trunk:{name}": trunk.limits for name, trunk in config.trunks.items()}
    given["from"] = config.listen.sip.requester
    return {
        subject: (limits.calls or 0, limits.calls_per_second or 0)
        for subject, limits in given.items()
        if limits and (limits.calls or limits.calls_per_second)
    }
