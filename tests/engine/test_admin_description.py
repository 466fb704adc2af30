"""The API against its own description: requests of every shape that it allows and of many that it does not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.admin_place import PORT, Place, running
from tests.engine.office import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running() as made:
        yield made


def test_it_answers_as_it_describes_itself_whatever_it_is_sent(place: Place) -> None:
    url = f"https://127.0.0.1:{PORT}/api/v1/openapi.json"
    # A seed: what is sent is the same each time.
    how = ["--max-examples", "6", "--seed", "7", "--phases", "fuzzing", "--tls-verify", "false", "--checks", CHECKS]
    token = place.token("admin")
    # What takes long or away from under us: each has tests of its own.
    left_out = ["--exclude-operation-id", "renew_certificates", "--exclude-operation-id", "remove_token"]
    words = [SCHEMATHESIS, "run", url, "--header", f"Authorization: Bearer {token}", *how, *left_out]
    done = place.net.run("edge", words, timeout_s=120)
    assert done.code == 0, done.out[-8000:] + done.err[-2000:]
    assert place.edge.status()["overall"] in {"ok", "degraded"}
    assert "Traceback" not in place.edge.text()
