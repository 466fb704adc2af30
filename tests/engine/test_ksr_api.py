"""The types that the script is checked against are those of the Kamailio that runs it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ksr import stub
from tests.ksr.api import api_list
from tests.ksr.fake import SIGNATURES
from voxgate_sip import callbacks
from voxgate_sip.callbacks import ENDINGS, SHAPES
from voxgate_sip.guise import ASKED

if TYPE_CHECKING:
    from tests.ksr.api import Function

pytestmark = pytest.mark.engine

SOURCE = Path(__file__).resolve().parents[2] / "src"
TEMPLATE = SOURCE / "voxgate" / "engines" / "templates" / "kamailio.cfg"
#: Media puts an ending on what shapes replies, where a request has an offer or waits for one.
ARMED_BY_MEDIA = {shape + ending for shape in SHAPES for ending in ENDINGS}
STUBBED = [(module, name) for module, functions in SIGNATURES.items() for name in functions]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Function]:
    return api_list(tmp_path_factory.mktemp("api"))


@pytest.mark.parametrize(("module", "name"), STUBBED, ids=[".".join(filter(None, pair)) for pair in STUBBED])
def test_each_function_of_the_stub_exists_in_kamailio_with_the_same_parameters(
    known: dict[tuple[str, str], Function], module: str, name: str
) -> None:
    assert known[module, name].params == tuple(kind.__name__ for kind in SIGNATURES[module][name].params)


def test_the_stub_is_what_its_generator_writes(known: dict[tuple[str, str], Function]) -> None:
    fresh = stub.text([known[key] for key in sorted(stub.used())])
    assert ast.dump(ast.parse(stub.STUB.read_text())) == ast.dump(ast.parse(fresh)), (
        "run `python -m tests.ksr.stub` and `ruff format src/voxgate_sip/ksr.py`"
    )


def _script_methods() -> set[str]:
    tree = ast.parse((SOURCE / "voxgate_sip" / "script.py").read_text())
    (script,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Script")
    own = {node.name for node in script.body if isinstance(node, ast.FunctionDef)}
    bases = {name for base in script.bases for name in vars(getattr(callbacks, ast.unparse(base)))}
    return own | bases


def _callbacks_in_code() -> set[str]:
    """Every text constant of the script's package that looks like a callback, whole."""
    return {
        node.value
        for path in (SOURCE / "voxgate_sip").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"ksr_\w+", node.value)
    }


def _callbacks_in_configuration() -> set[str]:
    return set(re.findall(r"[\"=](ksr_\w+)\"", TEMPLATE.read_text()))


def test_each_callback_that_the_configuration_or_the_script_names_is_a_method_of_the_script() -> None:
    configured = _callbacks_in_configuration()
    shapes = set(SHAPES) & _callbacks_in_code()
    armed = _callbacks_in_code() | ARMED_BY_MEDIA
    assert configured == {
        *("ksr_dispatcher_event", "ksr_reply_route", "ksr_xhttp_event", "ksr_websocket_event", "ksr_tcp_event"),
        *("ksr_keepalive", "ksr_local_request", "ksr_sweep"),
    }
    # What ends in `ASKED` is put together from two words.
    assert shapes == {shape for shape in SHAPES if not shape.endswith(ASKED)}
    assert "ksr_failure" in armed
    assert (configured | armed | {"ksr_request_route", "child_init"}) - _script_methods() == set()


def test_the_script_has_no_callback_that_nobody_names() -> None:
    armed = _callbacks_in_code() | ARMED_BY_MEDIA
    named = armed | _callbacks_in_configuration() | {"ksr_request_route"}
    assert {name for name in _script_methods() if name.startswith("ksr_")} == named
