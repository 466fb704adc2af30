"""Secrets: where they come from, and that they are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import Field, ValidationError

from voxgate.config.document import Keys, Scalar, SecretName, parse
from voxgate.config.fields import Section
from voxgate.config.findings import findings
from voxgate.config.places import Place, Places
from voxgate.config.secrets import Secret, SecretError, SecretPlaces

if TYPE_CHECKING:
    from pathlib import Path


class Register(Section):
    """A section with a secret, as later versions will have."""

    user: str = Field(description="A name.")
    password: Secret = Field(description="A secret.")


def private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_the_environment_comes_first_then_the_file_then_the_credential(tmp_path: Path) -> None:
    folder, credentials = tmp_path / "secrets", tmp_path / "credentials"
    folder.mkdir()
    credentials.mkdir()
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    private(credentials / "turn-rest", "from systemd\n")
    assert SecretPlaces(folder, environ).read("turn-rest").reveal() == "from systemd"
    private(folder / "turn-rest", "from file\r\n")
    assert SecretPlaces(folder, environ).read("turn-rest").reveal() == "from file"
    both = environ | {"VOXGATE_SECRET_TURN_REST": "from environment"}
    assert SecretPlaces(folder, both).read("turn-rest").reveal() == "from environment"


def test_a_missing_secret_names_its_three_places(tmp_path: Path) -> None:
    with pytest.raises(SecretError) as caught:
        SecretPlaces(tmp_path, {}).read("turn-rest")
    advice = caught.value.advice
    assert "VOXGATE_SECRET_TURN_REST" in advice
    assert str(tmp_path / "turn-rest") in advice
    assert "LoadCredential=turn-rest" in advice


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "carrier").write_text("x")
    (tmp_path / "carrier").chmod(mode)
    with pytest.raises(SecretError, match="others may read") as caught:
        SecretPlaces(tmp_path, {}).read("carrier")
    assert "chmod 600" in caught.value.advice


@pytest.mark.parametrize("name", ["../shadow", "", "a/b", ".", "x" * 65, "a\n"])
def test_a_secrets_name_leads_to_no_other_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretError, match="cannot be a secret's name"):
        SecretPlaces(tmp_path / "secrets", {}).read(name)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"x" * 65_537, b"", b" \r\n"], ids=["binary", "large", "empty", "blank"]
)
def test_a_file_that_holds_no_secret_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "carrier").write_bytes(content)
    (tmp_path / "carrier").chmod(0o600)
    with pytest.raises(SecretError):
        SecretPlaces(tmp_path, {}).read("carrier")


def test_a_secret_may_be_as_large_as_the_limit_and_equals_its_like(tmp_path: Path) -> None:
    private(tmp_path / "carrier", "x" * 65_536)
    found = SecretPlaces(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}).read("carrier")
    assert found == Secret("x" * 65_536)
    assert hash(found) == hash(Secret("x" * 65_536))
    assert found != Secret("y")
    assert found != "x" * 65_536


def test_a_secret_that_systemd_does_not_pass_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="in none of its three places"):
        SecretPlaces(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).read("carrier")


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    section = Register(user="u", password=Secret("hunter2"))
    shown = f"{section} {section!r} {section.password} {section.model_dump()} {section.model_dump_json()}"
    assert "hunter2" not in shown
    assert section.password.reveal() == "hunter2"


def test_the_tag_becomes_a_secrets_name() -> None:
    document = parse("password: !secret carrier\n", "f")
    assert document.root == Keys(
        {"password": (Place("f", 1), Scalar(SecretName("carrier"), Place("f", 1)))}, Place("f", 1)
    )


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        ({"user": "u", "password": "hunter2"}, "password", "in plain text"),
        ({"user": Secret("hunter2"), "password": Secret("x")}, "user", "a secret cannot stand here"),
    ],
    ids=["text where a secret belongs", "secret where text belongs"],
)
def test_a_secret_stands_where_one_belongs_and_nowhere_else(data: dict[str, object], key: str, words: str) -> None:
    places = Places(Place("f", 0), {(name,): Place("f", 1) for name in data})
    with pytest.raises(ValidationError) as caught:
        Register.model_validate(data)
    (problem,) = findings(caught.value, Register, places)
    assert problem.key == key
    assert words in problem.message
    assert "hunter2" not in str(problem)
