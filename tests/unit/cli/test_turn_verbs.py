"""`voxgate turn credentials` and what `voxgate nat-check` takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest

from voxgate.cli import main
from voxgate.config.model import Config
from voxgate.config.secrets import Secret
from voxgate.engines.turn_credentials import credentials, urls

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "battery staple battery"  # noqa: S105 - of these tests
FILE = """\
edge: {domain: edge.example.com}
pbxs:
  hq: {names: [example.com], nodes: [172.16.0.10]}
turn:
  tls_port: 5349
"""


def config(**keys: object) -> Config:
    base = {"edge": {"domain": "edge.example.com"}, "pbxs": {"hq": {"names": ["a.b"], "nodes": ["172.16.0.10"]}}}
    return Config.model_validate({**base, "turn": keys})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOXGATE_SECRET_TURN_REST", SECRET)
    made = tmp_path / "voxgate.yaml"
    made.write_text(FILE + "  shared_secret: !secret turn-rest\n")
    return made


def test_credentials_are_what_every_program_makes_of_the_secret() -> None:
    made = credentials(config(shared_secret=Secret(SECRET)), "web", 1000.7)
    assert made is not None
    assert (made.username, made.expires_s) == ("15400:web", 15400)
    assert made.credential == base64.b64encode(hmac.digest(SECRET.encode(), b"15400:web", hashlib.sha1)).decode()


def test_without_a_secret_there_are_none() -> None:
    assert credentials(config(accounts={"a": Secret("x" * 8)}), "web", 0) is None


def test_they_lead_to_the_server_that_knows_them() -> None:
    both = config(tls_port=5349, accounts={"a": Secret("x" * 8)}, shared_secret=[Secret(SECRET), Secret("old")])
    assert urls(both, "rest") == (
        "turn:edge.example.com:3480?transport=udp",
        "turn:edge.example.com:3480?transport=tcp",
        "turns:edge.example.com:5351?transport=tcp",
    )
    assert urls(both, "accounts")[0] == "turn:edge.example.com:3478?transport=udp"
    assert urls(config(shared_secret=Secret(SECRET)), "rest")[0] == "turn:edge.example.com:3478?transport=udp"
    first = credentials(both, "web", 0)
    assert first is not None
    assert first == credentials(
        config(tls_port=5349, accounts={"a": Secret("y" * 8)}, shared_secret=Secret(SECRET)), "web", 0
    )


def test_the_verb_prints_what_a_page_takes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["turn", "credentials", str(file), "--user", "alice", "--seconds", "60", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (server,) = told["ice_servers"]
    assert server["username"].endswith(":alice")
    assert server["urls"][-1] == "turns:edge.example.com:5349?transport=tcp"
    assert told["expires"].endswith("Z")
    assert main(["turn", "credentials", str(file)]) == 0
    out = capsys.readouterr().out
    assert "turn:edge.example.com:3478?transport=udp" in out
    assert SECRET not in out


@pytest.mark.parametrize("words", [["--user", "a b"], ["--seconds", "5"], ["--seconds", "99999999"]], ids=str)
def test_wrong_use_is_told(file: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["turn", "credentials", str(file), *words]) == 2
    assert "\n    " in capsys.readouterr().err


def test_a_file_without_a_secret_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "voxgate.yaml"
    made.write_text(FILE)
    assert main(["turn", "credentials", str(made)]) == 2
    assert "turn.shared_secret" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--server", "a b"],
        ["--server", "a:0"],
        ["--server", "a:99999"],
        ["--server", "[zz]"],
        ["--server", "a"] * 3,
    ],
    ids=str,
)
def test_nat_check_asks_for_a_server(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nat-check", *words]) == 2
    assert "\n    " in capsys.readouterr().err


def test_a_server_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nat-check", "--server", "no-such-host.invalid"]) == 1
    assert "no-such-host.invalid" in capsys.readouterr().err
    assert main(["nat-check", "--server", "127.0.0.1:9", "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert (result["nat"], result["turn_needed"]) == ("UDP does not pass", "always")
