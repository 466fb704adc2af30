"""The edge registers at a provider: it is called there, and its calls out are authorised. A strict registrar."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.demo.stage import BRANCH, Setting, Stage, stage
from lab.peers.address import Hop
from lab.peers.agent import Script, perform
from lab.switchboard import Switchboard
from lab.topologies import BEHIND_NAT, DMZ, EDGE_INSIDE, EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.scene import Party, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USER, PASSWORD, REALM = "0555159400", "s3cret-of-carrier", "sip.carrier.example"
CARRIER_HZ, PHONE_HZ, BRANCH_HZ = 980, 440, 890
GONE = "gone"
LATE_S = 60
"""What takes a second or two; the machine may be busy."""


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[tuple[Stage, Switchboard]]:
    topology, folder = request.param, folders()
    (folder / "secrets").mkdir(mode=0o700)
    for name, text in (("carrier", PASSWORD), ("wrong", "not-it")):
        (folder / "secrets" / name).write_text(text)
        (folder / "secrets" / name).chmod(0o600)
    to_edge = ("--trunk", f"sip:{EDGE_INSIDE if topology is DMZ else EDGE_LAN}")
    setting = Setting(topology, options={"pbx-branch": ("--answers", r"0555\d+", *to_edge)})
    users = folder / "users"
    users.write_text(f"{USER}:{PASSWORD}\n")
    with stage(setting, folder) as made:
        here = made.net.host("provider").ipv4()
        options = ("--realm", REALM, "--users", str(users), "--answers", r"0\d+")
        carrier = Switchboard(
            made.net, "provider", folder, tone_hz=CARRIER_HZ, listen=[Hop("udp", here, 5060)], options=options
        )
        with carrier:
            yield made, carrier


def apply(office: Stage, name: str | None = "carrier") -> None:
    """A configuration with a trunk, whose account has the password in that secret; without an account; or without."""
    config = yaml.safe_load(re.sub(r"!secret ", "", office.edge.file.read_text()))
    config.pop("trunks", None)
    account = {"user": "ACCOUNT", "password": "SECRET", "retry_seconds": 1, "expires_seconds": 60}
    config["trunks"] = {
        "carrier": {
            "addresses": [office.net.host("provider").ipv4()],
            "server": REALM,
            "dids": {"05551594XX": "branch"},
            "pbxs": ["branch"],
            # The lab's provider answers to what Via says; that of health checks says the address behind the NAT.
            "keepalive": False,
            **({"register": account} if name else {}),
        }
    }
    if name == GONE:
        del config["trunks"]
    # By hand: what this writer leaves without quotes, or cannot write.
    text = yaml.safe_dump(config, sort_keys=False).replace("user: ACCOUNT", f'user: "{USER}"')
    text = text.replace("password: SECRET", f"password: !secret {name}")
    done = office.edge.apply(text, "--yes")
    assert done.code == 0, done.out + done.err


def trunk(office: Stage) -> dict[str, Any]:
    """The trunk in `voxgate status`."""
    found: list[dict[str, Any]] = office.edge.status()["trunks"]
    return found[0] if found else {}


def until_trunk_is(office: Stage, state: str) -> dict[str, Any]:
    end_s = time.monotonic() + LATE_S
    while time.monotonic() < end_s:
        found = trunk(office)
        if found.get("registration") == state:
            return found
        time.sleep(0.2)
    pytest.fail(f"the trunk is not {state}: {found}\n{office.edge.text()[-3000:]}")


def test_the_edge_registers_and_says_so(office: tuple[Stage, Switchboard]) -> None:
    made, carrier = office
    apply(made)
    carrier.wait("registered", LATE_S, user=USER)
    found = until_trunk_is(made, "registered")
    assert found["until"]
    event = carrier.events("registered", user=USER)[-1]
    assert f"sip:{USER}@{EDGE_PUBLIC}:5060" in event["contact"]
    assert PASSWORD not in made.edge.text()
    assert PASSWORD not in made.edge.command("plan", "--diff").out


def test_the_provider_calls_the_registered_edge(office: tuple[Stage, Switchboard]) -> None:
    made, carrier = office
    until_trunk_is(made, "registered")
    before = len(carrier.events("dialled", user=USER))
    carrier.command(call=USER, talk_s=2.0)
    assert carrier.wait("dialled", LATE_S, before, user=USER)["code"] == 200
    assert carrier.heard(USER, LATE_S).tone_hz == BRANCH_HZ
    assert made.pbxs["pbx-branch"].events("invite")[-1]["to"] == USER


def test_calls_out_answer_the_providers_challenge(office: tuple[Stage, Switchboard]) -> None:
    made, carrier = office
    until_trunk_is(made, "registered")
    before = len(carrier.events("invite", to="0301234"))

    async def play() -> dict[str, Any]:
        # The lab's provider asks those whom it knows: the caller's number is the account.
        async with phone(made, Party("phone-lan", "udp", USER, BRANCH, setup={"tone_hz": PHONE_HZ})) as opened:
            return await perform(opened, Script(call="0301234", talk_s=2.0))

    report = asyncio.run(play())
    (call,) = report["calls"]
    assert (call["answered"], call["tone_hz"]) == (True, CARRIER_HZ), report
    assert len(carrier.events("invite", to="0301234")) == before + 2


def test_a_wrong_password_is_told_and_cured(office: tuple[Stage, Switchboard]) -> None:
    made, _ = office
    apply(made, "wrong")
    assert "wrong user or password" in until_trunk_is(made, "refused")["reason"]
    assert made.edge.status()["overall"] == "degraded"
    apply(made)
    until_trunk_is(made, "registered")


def test_a_silent_provider_is_told_and_found_again(office: tuple[Stage, Switchboard]) -> None:
    made, carrier = office
    apply(made, None)
    carrier.command(deaf=True)
    try:
        apply(made)
        until_trunk_is(made, "unreachable")
    finally:
        carrier.command(deaf=False)
    until_trunk_is(made, "registered")


def test_an_account_that_is_taken_out_is_unregistered(office: tuple[Stage, Switchboard]) -> None:
    made, carrier = office
    apply(made)
    until_trunk_is(made, "registered")
    before = len(carrier.events("registered", user=USER))
    apply(made, None)
    carrier.wait("registered", LATE_S, before, user=USER)
    assert trunk(made)["registration"] is None
    assert "trunk_unregistered" in made.edge.text()


def test_a_trunk_that_is_taken_out_as_a_whole_is_unregistered(office: tuple[Stage, Switchboard]) -> None:
    made, carrier = office
    apply(made)
    until_trunk_is(made, "registered")
    before = len(carrier.events("registered", user=USER))
    apply(made, GONE)
    carrier.wait("registered", LATE_S, before, user=USER)
    assert trunk(made) == {}
    assert "trunk_unregistered" in made.edge.text().rpartition("trunk_registered")[2]
