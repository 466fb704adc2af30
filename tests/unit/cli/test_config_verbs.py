"""The verbs about the configuration: what they print, what they write, how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from voxgate.cli import VERBS, main
from voxgate.config.load import load
from voxgate.config.schema import json_schema, reference

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
edge: {domain: proxy.example.com, interface: lo}
pbxs:
  hq: {names: [example.com, hq.example.com], nodes: [172.16.0.10]}
  branch: {names: branch.example.com, nodes: 172.16.8.10}
"""
BAD = "edge:\n  domain: proxy\npbxs:\n  hq: {names: [example.com], nodes: [pbx.example.com]}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "voxgate.yaml"


def test_check_of_a_good_file_says_in_one_line_what_is_in_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert main(["check", "--file-only", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"{file}: good: 2 PBXs, 3 service names, 2 nodes; SIP on udp 5060, tcp 5060, tls 5061; media on 10000-20000\n"
    )
    assert err == ""


def test_check_prints_each_problem_with_place_and_advice_and_ends_with_2(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(BAD)
    assert main(["check", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{file}:2: edge.domain: `proxy` has no domain",
        "    write the fully qualified name: proxy.example.com",
        f"{file}:4: pbxs.hq.nodes[0]: `pbx.example.com` is a name, not an address",
        "    write the address: looking a name up (DNS) would stop calls whenever the answer is late",
    ]


def test_check_as_json_tells_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD)
    assert main(["check", "--json", str(file)]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["good"] is False
    assert [(one["line"], one["key"]) for one in answer["problems"]] == [(2, "edge.domain"), (4, "pbxs.hq.nodes[0]")]
    file.write_text(GOOD)
    assert main(["check", "--json", "--file-only", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {"good": True, "problems": [], "warnings": []}


def test_an_interface_that_this_machine_has_not_is_a_warning_with_its_line(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(GOOD.replace("interface: lo", "interface: nosuch0"))
    assert main(["check", str(file)]) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"warning: {file}:1: edge.interface: this machine has no interface nosuch0\n")
    assert "lo (127.0.0.1" in err


def test_a_missing_file_leads_to_the_advice_to_make_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file)]) == 2
    assert "voxgate init" in capsys.readouterr().err


INIT = {
    "one PBX has the edge's name": (["--pbx", "hq=172.16.0.10"], {"hq": ("proxy.example.com",)}),
    "one PBX with a name of its own": (["--pbx", "hq=172.16.0.10", "--name", "example.com"], {"hq": ("example.com",)}),
    "several PBXs": (
        ["--pbx", "hq=172.16.0.10", "--pbx", "b=2001:db8::5", "--name", "b=b.example.com"],
        {"hq": ("hq.proxy.example.com",), "b": ("b.example.com",)},
    ),
}


@pytest.mark.parametrize("name", INIT)
def test_init_writes_a_commented_file_that_check_accepts(name: str, file: Path) -> None:
    flags, names = INIT[name]
    more = ["--interface", "lo", "--public-address", "203.0.113.45", "--public-address", "2001:db8::45"]
    assert main(["init", "--domain", "proxy.example.com", *flags, *more, "--output", str(file)]) == 0
    assert main(["check", str(file)]) == 0
    config = load(file).config
    assert {pbx: section.names for pbx, section in config.pbxs.items()} == names
    assert config.edge.interface == "lo"
    assert [str(one) for one in config.edge.public_address] == ["203.0.113.45", "2001:db8::45"]
    assert file.read_text().count("#") > 8
    assert file.stat().st_mode & 0o007 == 0
    assert list(file.parent.iterdir()) == [file]


def test_init_replaces_a_file_only_by_force(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("precious")
    words = ["init", "--domain", "proxy.example.com", "--pbx", "hq=172.16.0.10", "--output", str(file)]
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "precious"
    assert main([*words, "--force"]) == 0
    assert load(file)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        pytest.param(["--pbx", "hq"], "an equals sign", id="no address"),
        pytest.param(["--pbx", "Head Office=10.0.0.1"], "short name of a PBX", id="bad name"),
        pytest.param(["--pbx", "hq=pbx.example.com"], "is a name, not an address", id="host name"),
        pytest.param(["--pbx", "hq=10.0.0.1', x: '"], "not an IP address", id="YAML in a flag"),
        pytest.param(["--pbx", "hq=10.0.0.1", "--pbx", "hq=10.0.0.2"], "twice", id="one PBX twice"),
        pytest.param(
            ["--pbx", "a=10.0.0.1", "--pbx", "b=10.0.0.2", "--name", "x.org"], "which PBX", id="name of which"
        ),
        pytest.param(["--pbx", "a=10.0.0.1", "--name", "b=x.org"], "no --pbx of this name", id="name of none"),
    ],
)
def test_init_writes_nothing_for_a_flag_that_is_wrong(
    flags: list[str], words: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--domain", "proxy.example.com", *flags, "--output", str(file)]) == 2
    assert words in capsys.readouterr().err
    assert not file.exists()


def test_init_that_cannot_write_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "voxgate.yaml"
    code = main(["init", "--domain", "proxy.example.com", "--pbx", "hq=10.0.0.1", "--output", str(output)])
    assert code == 1
    assert "cannot be written" in capsys.readouterr().err


def test_schema_and_reference_print_their_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == json_schema()
    assert main(["reference"]) == 0
    assert capsys.readouterr().out == reference()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"voxgate {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [[], ["nosuch"], ["check", "--nosuch"]], ids=["no verb", "unknown verb", "unknown flag"]
)
def test_a_wrong_command_line_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2


def test_output_may_be_closed_early() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "voxgate", "schema"], stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_colours_are_for_terminals_only(file: Path) -> None:
    file.write_text(BAD)
    done = subprocess.run(
        [sys.executable, "-m", "voxgate", "check", str(file)], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert b"\x1b" not in done.stderr
