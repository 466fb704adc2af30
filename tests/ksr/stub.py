"""Writes `src/voxgate_sip/ksr.py`: run `python -m tests.ksr.stub` after the script has begun to use a new function."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ksr.api import MODULES, api_list

if TYPE_CHECKING:
    from tests.ksr.api import Function

SOURCE = Path(__file__).resolve().parents[2] / "src" / "voxgate_sip"
STUB = SOURCE / "ksr.py"
#: Getters that always give text for a SIP message, although Kamailio calls their result just "a value".
TEXT = frozenset({"get_method", "get_srcip", "get_proto", "get_rcvip", "get_callid", "get_ruri", "get_srcuri"})
#: Modules that offer functions to scripts, as the script names them.
SCRIPTED = frozenset({*MODULES, "hdr", "kx"} - {"path"})
_RETURNS = {"int": "int", "bool": "bool", "str": "str", "none": "None", "xval": "str | int | None"}
_HEAD = '''"""The part of Kamailio's scripting API (KEMI) that the script uses, as types.

Generated from Kamailio's own list by `tests/ksr/stub.py`; a test compares it with the real one.
Functions return a number above zero for yes or done and below zero for no or failed, unless they get a value.
"""

from __future__ import annotations

from typing import Protocol
'''


def used() -> set[tuple[str, str]]:
    """(module, name) of every function that `voxgate_sip` calls, seen in its syntax trees."""
    found = set()
    for path in SOURCE.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text())) if path != STUB else ()
        for node in nodes:
            if isinstance(node, ast.Attribute):
                owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
                if owner in SCRIPTED:
                    found.add((owner, node.attr))
                elif owner in {"ksr", "_ksr"} and node.attr not in SCRIPTED:
                    found.add(("", node.attr))
    return found


def text(functions: list[Function]) -> str:
    """The stub for `functions`."""
    parts = [_HEAD]
    modules = sorted({function.module for function in functions if function.module})
    for module in modules:
        parts.append(f"\n\nclass {module.capitalize()}(Protocol):\n" + f'    """Functions of `KSR.{module}`."""\n')
        parts.extend(_method(function) for function in functions if function.module == module)
    parts.append('\n\nclass Ksr(Protocol):\n    """The module `KSR` that Kamailio gives to scripts."""\n\n')
    parts.extend(f"    {module}: {module.capitalize()}\n" for module in modules)
    parts.extend(_method(function) for function in functions if not function.module)
    return "".join(parts)


def _method(function: Function) -> str:
    params = "".join(f", p{index}: {kind}, /" if index == len(function.params) - 1 else f", p{index}: {kind}"
                     for index, kind in enumerate(function.params))  # fmt: skip
    textual = function.name in TEXT or function.name.startswith("gete")
    returns = "str" if textual else _RETURNS[function.returns]
    if function.name in {"get_status", "get_srcport"}:
        returns = "int"
    return f"\n    def {function.name}(self{params}) -> {returns}: ...\n"


def main() -> None:
    """Write the stub from the installed Kamailio."""
    with tempfile.TemporaryDirectory() as folder:
        known = api_list(Path(folder))
    STUB.write_text(text([known[key] for key in sorted(used())]))


if __name__ == "__main__":
    main()
