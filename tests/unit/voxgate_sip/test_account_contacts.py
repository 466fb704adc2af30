"""Contacts of PBXs that register at providers: shown as the edge's, and given back; what is told and kept of them."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.ksr.fake import FakeKsr
from tests.unit.voxgate_sip.offices import from_phone, policy
from tests.unit.voxgate_sip.test_trunk_calls import CARRIER
from voxgate_sip.accounts import Accounts, Owner, owner_of
from voxgate_sip.chain import Chain
from voxgate_sip.destinations import NO_NUMBER
from voxgate_sip.events import Emitter
from voxgate_sip.hiding import Seal
from voxgate_sip.route import Answer, Ignore, Router

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate_sip.route import Decision

OWN = "[2001:db8::5]:5060;transport=udp"
SEALED = re.compile(r"<(sip:[^<>]*;n=[A-Za-z0-9_-]+)>")


class Worker:
    """A worker with a PBX on IPv4 and one on IPv6, and its events."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeKsr()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "e.sock"))
        self.socket.setblocking(False)
        router = Router(policy(trunks={"carrier": CARRIER}))
        hider: Any = None
        self.accounts = Accounts(self.fake.ksr, router, Seal(b"key"), Emitter(str(folder / "e.sock")), hider=hider)

    def shown(self, pbx: str, contact: str, source: str = "10.0.0.1") -> str:
        self.fake.variables["$(hdr(Contact)[*])"] = contact
        self.accounts.show(pbx, source, OWN)
        return str(self.fake.args_of("hdr.append")[-1][0]).removeprefix("Contact: ").strip()

    def answered(self, asked: str, listed: str, *, status: int = 200, credentials: int = 1, expires: str = "") -> None:
        chain = Chain("out", "office", "sip:x", "7", "10.0.0.1", "i4udp", "REGISTER", "", "", "", ("carrier",))
        self.fake.variables |= {
            "$avp(voxgate_chain)": chain._replace(tried=(("carrier", "sip:192.0.2.9", ""),)).text(),
            "$T_req($tU)": "0555",
            "$T_req($(hdr(Contact)[*]))": asked,
            "$T_req($hdr(Expires))": "300",
            "$(hdr(Contact)[*])": listed,
            "$hdr(Expires)": expires or "<null>",
            "$rs": status,
            "$rr": "No\r\nway",
            "$T_req($hdrc(Authorization))$T_req($hdrc(Proxy-Authorization))": "",
            "$T_req($hdrc(Authorization))": credentials,
            "$T_req($hdrc(Proxy-Authorization))": 0,
        }
        self.accounts.answered()

    def told(self) -> dict[str, Any] | None:
        try:
            return cast("dict[str, Any]", json.loads(self.socket.recv(4096)))
        except BlockingIOError:
            return None


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


@pytest.mark.parametrize(
    ("pbx", "contact", "node"),
    [
        ("office", "<sip:7@10.0.0.2:5060;line=x>;expires=60", "sip:10.0.0.2:5060;transport=udp"),
        ("office", "<sip:7@10.0.0.1:5099>", "sip:10.0.0.1:5060;transport=udp"),
        ("office", "sip:7@pbx.example.com;expires=5", "sip:10.0.0.1:5060;transport=udp"),
        ("six", '"A, B" <sip:7@[fd00::7]:5060;transport=tcp>;+sip.instance="<urn:uuid:1>"',
         "sip:[fd00::7]:5060;transport=tcp"),
    ],
)  # fmt: skip
def test_a_contact_is_shown_as_the_edges_and_leads_back(worker: Worker, pbx: str, contact: str, node: str) -> None:
    shown = worker.shown(pbx, contact)
    found = SEALED.search(shown)
    assert found
    assert found[1].startswith(f"sip:7@{OWN};n=")
    assert "10.0.0." not in shown
    assert "fd00" not in shown
    request = worker.accounts.called(from_phone(source="192.0.2.9"), found[1])
    assert request.account
    assert (request.account.pbx, request.account.node, request.account.exact) == (pbx, node, True)
    assert request.account.uri in contact


def test_all_contacts_at_once_are_left_alone(worker: Worker) -> None:
    assert worker.shown("office", "*") == "*"


def test_the_answer_has_the_pbxs_own_contact_and_the_account_is_kept(worker: Worker) -> None:
    asked = "<sip:s@10.0.0.1:5060>"
    shown = worker.shown("office", asked)
    worker.answered(asked, f"{shown};expires=90, <sip:0555@198.51.100.9>;expires=5")
    assert worker.fake.args_of("hdr.append")[-1] == (
        f"Contact: {asked};expires=90, <sip:0555@198.51.100.9>;expires=5\r\n",
    )
    assert ("Service-Route",) in worker.fake.args_of("hdr.remove")
    kept = {str(key): (str(text), lasts) for _, key, text, lasts in worker.fake.args_of("htable.sht_setxs")}
    owner = Owner("office", "sip:10.0.0.1:5060;transport=udp", "sip:s@10.0.0.1:5060")
    assert kept == dict.fromkeys(("carrier 0555", "carrier s"), (owner.text(), 90))
    assert owner_of(owner.text()) == owner
    assert worker.told() == {
        "event": "account", "trunk": "carrier", "pbx": "office", "user": "0555", "lasts": 90, "reason": "",
    }  # fmt: skip
    worker.fake.answers["htable.sht_get", "accounts", "carrier 0555"] = owner.text()
    request = worker.accounts.called(from_phone(source="192.0.2.9", ruri_user="0555"), "sip:0555@203.0.113.5")
    assert request.account
    assert (request.account.uri, request.account.exact) == (owner.uri, False)


def test_what_ends_is_forgotten(worker: Worker) -> None:
    shown = worker.shown("office", "<sip:s@10.0.0.1:5060>;expires=0")
    worker.answered("<sip:s@10.0.0.1:5060>;expires=0", "<null>")
    assert ("accounts", "carrier 0555") in worker.fake.args_of("htable.sht_rm")
    told = worker.told()
    assert told
    assert told["lasts"] == 0
    assert shown


@pytest.mark.parametrize(
    ("status", "credentials", "told"), [(401, 0, False), (401, 1, True), (403, 1, True), (423, 0, False)]
)
def test_a_refusal_is_told_and_a_first_challenge_is_none(
    worker: Worker, status: int, credentials: int, *, told: bool
) -> None:
    worker.answered("<sip:s@10.0.0.1:5060>", "<null>", status=status, credentials=credentials)
    event = worker.told()
    assert (event is not None) is told
    if event:
        assert event["reason"] == f"{status} No way"


@pytest.mark.parametrize("uri", ["sip:7@203.0.113.5;n=AAAAAAAAAAAA", "sip:7@203.0.113.5;n=?", "sip:7@203.0.113.5"])
def test_a_seal_of_others_is_none(worker: Worker, uri: str) -> None:
    assert worker.accounts.called(from_phone(source="192.0.2.9"), uri).account is None


def test_a_dialogs_seal_is_no_account(worker: Worker) -> None:
    token = Seal(b"key").close("10.0.0.1:5060")
    assert worker.accounts.called(from_phone(source="192.0.2.9"), f"sip:7@203.0.113.5;n={token}").account is None


@pytest.mark.parametrize(
    "text", ["", "hq\nsip:a\nsip:b", "registered\nhq\nsip:a", "registered\nhq\nsip:a\nsip:b\nmore"]
)
def test_what_an_account_did_not_write_is_no_owner(text: str) -> None:
    assert owner_of(Owner("hq", "sip:a", "sip:b").text()) == Owner("hq", "sip:a", "sip:b")
    assert owner_of(text) is None


@pytest.mark.parametrize(
    ("decision", "perhaps"),
    [
        (Answer(404, "Not Found", NO_NUMBER), True),
        (Answer(405, "Method Not Allowed", "method-not-for-trunks"), False),
        (Ignore("unknown-domain"), False),
    ],
)
def test_a_providers_call_that_leads_nowhere_may_be_for_an_account(decision: Decision, *, perhaps: bool) -> None:
    assert Accounts.may_be_called(decision) is perhaps
