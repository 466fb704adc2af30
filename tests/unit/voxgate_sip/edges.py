"""A worker of the edge with a stand-in for Kamailio: what it was sent, and what it then asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ksr.fake import FakeKsr, Value
from tests.unit.voxgate_sip.offices import INSIDE, PHONE, policy
from voxgate_sip.policy import dumps
from voxgate_sip.script import Script

if TYPE_CHECKING:
    from pathlib import Path

BASE: dict[str, Value] = {
    "$shv(generation)": 7,
    "$si": PHONE,
    "$sp": 5062,
    "$pr": "udp",
    "$Ri": INSIDE,
    "$rm": "INVITE",
    "$hdrc(P-Asserted-Identity)": 0,
    "$hdrc(Remote-Party-ID)": 0,
    "$hdrc(Route)": 0,
    "$hdrc(Record-Route)": 0,
    "$(hdr(Route){s.after,~})": "",
    "$rd": "pbx.example.com",
    "$fd": "pbx.example.com",
    "$rU": "200",
    "$fU": "100",
    "$tU": "200",
    "$ru": "sip:200@pbx.example.com",
    "$ci": "call-1",
    "$cl": 0,
}
#: A stranger may not say whom a request came from.
ALWAYS = ("hdr.remove", ("X-Forwarded-For",))
#: Getters and checks, which say nothing about what was done.
ASKED = frozenset({"pv.get", "maxfwd.process_maxfwd", "sanity.sanity_check", "dispatcher.ds_is_active_uri"})


class Edge:
    """One worker; `changes` are fields of the policy."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.path = folder / "policy.json"
        self.path.write_text(dumps(policy(**changes)))
        self.fake = FakeKsr(BASE)
        self.script = Script(self.fake.ksr, self.path, str(folder / "events.sock"), b"a key")

    def phone(self, method: str = "INVITE", /, **variables: Value) -> Edge:
        """A request of a phone outside; `variables` by name without the dollar."""
        return self._request({"$rm": method, **{f"${name}": value for name, value in variables.items()}})

    def pbx(self, method: str = "INVITE", /, hop: str = PHONE, **variables: Value) -> Edge:
        """A request of the first node to `hop`."""
        values: dict[str, Value] = {"$rm": method, "$si": "10.0.0.1", "$rd": hop}
        return self._request({**values, **next_hop(hop), **{f"${name}": value for name, value in variables.items()}})

    def reply(self, callback: str) -> int:
        """A reply comes, for which this callback was named; gives what it returns."""
        returned: int = getattr(self.script, callback)(None)
        return returned

    def _request(self, variables: dict[str, Value]) -> Edge:
        self.fake.variables |= variables
        self.fake.calls.clear()
        assert self.script.ksr_request_route(None) == 1
        return self

    def done(self) -> list[str]:
        """What was done, in order, without what was only asked, and without what is done to every request."""
        calls = [(name, args) for name, args in self.fake.calls if name not in ASKED and not name.startswith("kx.")]
        return [name for name, args in calls if (name, args) != ALWAYS]

    def said(self, name: str) -> list[tuple[str | int, ...]]:
        """The arguments of each call of `name`."""
        return self.fake.args_of(name)


def next_hop(host: str, port: int = 5062, proto: str = "UDP") -> dict[str, Value]:
    """Kamailio's variables for the next hop."""
    return {"$nh(u)": f"sip:{host}:{port};transport={proto}", "$nh(d)": host, "$nh(p)": port, "$nh(P)": proto}
