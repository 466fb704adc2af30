"""What is told to nft and firewall-cmd, with both played by doubles."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.firewall.places import paper
from voxgate.errors import EngineError, HostError
from voxgate.firewall.firewalld import policies
from voxgate.firewall.installer import Firewalld, Nftables
from voxgate.firewall.openings import openings
from voxgate.host.process import Finished

if TYPE_CHECKING:
    from pathlib import Path

LISTED = openings(paper())


def chain(table: str, name: str, family: str = "inet", **base: object) -> dict[str, Any]:
    return {"chain": {"family": family, "table": table, "name": name, **base}}


@dataclass
class Told:
    """Plays a program: `chains` is what `list chains` says, `refuses` the words of a command that fails."""

    chains: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = ""
    commands: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __call__(self, argv: tuple[str, ...], *, timeout_s: float, input: bytes | None = None) -> Finished:  # noqa: A002
        del timeout_s
        line = " ".join(argv)
        self.commands.append(line)
        if input is not None:
            self.texts.append(input.decode())
        if self.refuses and self.refuses in line:
            return Finished(argv, 1, "", "Error: it does not please me\n")
        return Finished(argv, 0, json.dumps({"nftables": self.chains if "list chains" in line else []}), "")


def test_nothing_is_told_where_nothing_filters() -> None:
    nft = Told([chain("nat", "post", type="nat", hook="postrouting"), chain("voxgate_guard", "early", type="filter",
                                                                            hook="input")])  # fmt: skip
    assert Nftables(nft).open(LISTED) == ()
    assert nft.texts == []


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (chain("firewalld", "filter_INPUT", type="filter", hook="input"), "--apply firewalld"),
        (chain("filter", "ufw-user-input", "ip"), "--format ufw"),
    ],
)
def test_rules_of_another_program_are_left_alone(found: dict[str, Any], advice: str) -> None:
    nft = Told([found])
    with pytest.raises(HostError, match=advice):
        Nftables(nft).open(LISTED)
    assert nft.texts == []


def test_what_nft_refuses_is_not_brought() -> None:
    nft = Told([chain("filter", "input", type="filter", hook="input")], refuses="-c -f -")
    with pytest.raises(EngineError, match="it does not please me"):
        Nftables(nft).open(LISTED)
    assert "nft -f -" not in nft.commands


def test_firewalld_gets_a_policy_and_its_former_one_back_where_it_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    told = Told()
    assert Firewalld(told, folder).open(LISTED) == ("voxgate",)
    assert told.commands == ["firewall-cmd --check-config", "firewall-cmd --reload"]
    former = (folder / "voxgate.xml").read_bytes()
    with pytest.raises(EngineError):
        Firewalld(Told(refuses="--check-config"), folder).open(LISTED[:1])
    assert (folder / "voxgate.xml").read_bytes() == former
    assert Firewalld(told, folder).close() == ("voxgate",)
    assert list(folder.iterdir()) == []


def test_a_policy_says_each_address_and_source_once() -> None:
    trunk = {"addresses": ["198.51.100.7", "198.51.100.8"], "source_port": 5070, "dids": {"5X": "hq"}}
    text = policies(openings(paper(trunks={"carrier": trunk})))["voxgate.xml"]
    rules = [rule for rule in ET.fromstring(text).iter("rule") if rule.find("port").attrib["port"] == "5070"]  # type: ignore[union-attr]  # noqa: S314
    # IPv6 has no source that may come, so there is no rule.
    assert [(rule.attrib["family"], rule.find("source").attrib["address"]) for rule in rules] == [  # type: ignore[union-attr]
        ("ipv4", "198.51.100.7/32"),
        ("ipv4", "198.51.100.8/32"),
    ]
