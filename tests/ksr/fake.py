"""A strict stand-in for the module KSR, made from the stub that a test compares with a real Kamailio.

fake = FakeKsr({"$rm": "INVITE", "$si": "192.0.2.7"})
fake.answers["tm.t_relay"] = -1                      # every call
fake.answers["pv.get", "$du"] = "sip:10.0.0.1"       # this call only
fake.answers["tm.t_relay"] = iter([-1, 1])           # one after the other
fake.answers["sl.send_reply"] = OSError("broken")    # raised
Script(fake.ksr, ...)
assert fake.calls == [Call("tm.t_relay", ())]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast, get_type_hints

from voxgate_sip import ksr as stub

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import UnionType

    from voxgate_sip.ksr import Ksr

#: Kamailio's word for a value that is not there, inside of a text template.
NOTHING: Final = "<null>"
#: Getters that give what a pseudo-variable gives, so that one dictionary describes one message.
_GETTERS: Final = {
    "kx.get_callid": "$ci",
    "kx.get_duri": "$du",
    "kx.get_method": "$rm",
    "kx.get_proto": "$pr",
    "kx.get_ruri": "$ru",
    "kx.get_srcip": "$si",
    "kx.get_srcport": "$sp",
    "kx.get_status": "$rs",
}
_VARIABLE: Final = re.compile(r"\$\w*")
#: What a pseudo-variable may hold; bytes are what a packet may hold, which the engine decodes as strict UTF-8.
Value: TypeAlias = str | int | bytes


class Call(NamedTuple):
    """One call: `module.function`, or `function` of the core."""

    name: str
    args: tuple[str | int, ...]


class Signature(NamedTuple):
    """What one function takes and gives."""

    params: tuple[type, ...]
    returns: type | UnionType


def _signatures(protocol: type) -> dict[str, Signature]:
    found = {}
    for name, function in vars(protocol).items():
        if not name.startswith("_") and callable(function):
            hints = get_type_hints(function)
            returns = hints.pop("return")
            found[name] = Signature(tuple(hints.values()), returns)
    return found


#: Module -> its functions; the core is the module without a name.
SIGNATURES: Final = {
    "": _signatures(stub.Ksr),
    **{module: _signatures(protocol) for module, protocol in get_type_hints(stub.Ksr).items()},
}


class FakeKsr:
    """Holds what the module answers and what it was asked; `ksr` is the module itself."""

    def __init__(self, variables: dict[str, Value] | None = None) -> None:
        self.variables: dict[str, Value] = dict(variables or {})
        self.answers: dict[str | tuple[str | int, ...], object] = {}
        self.calls: list[Call] = []
        self.ksr: Ksr = cast("Ksr", _Module(self, ""))

    def names(self) -> list[str]:
        """The functions that were called, in order."""
        return [call.name for call in self.calls]

    def args_of(self, name: str) -> list[tuple[str | int, ...]]:
        """The arguments of every call of `name`, in order."""
        return [call.args for call in self.calls if call.name == name]

    def run(self, name: str, signature: Signature, args: tuple[Any, ...]) -> object:
        """Check, record and answer one call. Raises TypeError for arguments or an answer that cannot be."""
        _check(name, signature, args)
        self.calls.append(Call(name, args))
        answer = self._answer(name, signature, args)
        if isinstance(answer, Iterator):
            answer = next(answer)
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, signature.returns):
            raise TypeError(f"{name} gives {signature.returns}, not {answer!r}")
        return answer

    def _answer(self, name: str, signature: Signature, args: tuple[Any, ...]) -> object:
        for key in ((name, *args), name):
            if key in self.answers:
                return self.answers[key]
        if name == "pv.get":
            return self._value(args[0])
        if name in {"pv.sets", "pv.seti"}:
            self.variables[args[0]] = args[1]
            return True
        if name in _GETTERS:
            value = self.variables.get(_GETTERS[name])
            if value is not None:
                return _decoded(value)
            return {int: -1, str: ""}.get(cast("type", signature.returns))
        return {int: 1, bool: True, str: ""}.get(cast("type", signature.returns))

    def _value(self, variable: str) -> str | int | None:
        if variable.startswith("$_s("):
            return self._filled(variable[4:-1])
        value = self.variables.get(variable)
        return None if value is None else _decoded(value)

    def _filled(self, template: str) -> str:
        parts, at = [], 0
        while found := _VARIABLE.search(template, at):
            end = _closing(template, found.end()) if template[found.end() : found.end() + 1] == "(" else found.end()
            parts.append(template[at : found.start()])
            parts.append(str(_decoded(self.variables.get(template[found.start() : end], NOTHING))))
            at = end
        return "".join(parts) + template[at:]


class _Module:
    """What the script sees: only functions and modules of the stub exist."""

    def __init__(self, fake: FakeKsr, module: str) -> None:
        self._fake = fake
        self._module = module

    def __getattr__(self, name: str) -> _Module | Callable[..., object]:
        if not self._module and name and name in SIGNATURES:
            return _Module(self._fake, name)
        signature = SIGNATURES[self._module].get(name)
        if signature is None:
            raise AttributeError(f"KSR.{self._module}{'.' if self._module else ''}{name} is not in the stub")
        full = f"{self._module}.{name}" if self._module else name
        return lambda *args: self._fake.run(full, signature, args)


def _check(name: str, signature: Signature, args: tuple[object, ...]) -> None:
    if len(args) != len(signature.params):
        raise TypeError(f"{name} takes {len(signature.params)} arguments, not {len(args)}")
    for arg, kind in zip(args, signature.params, strict=True):
        if type(arg) is not kind:
            raise TypeError(f"{name} takes {kind.__name__}, not {arg!r}")
        if isinstance(arg, str) and ("\0" in arg or not _encodable(arg)):
            raise SystemError(f"{name}: unable to retrieve {arg!r}")  # the real module's own answer


def _encodable(text: str) -> bool:
    return text.encode(errors="ignore").decode() == text


def _decoded(value: Value) -> str | int:
    """`value` as the script gets it. Raises UnicodeDecodeError, as the real module does."""
    return value.decode() if isinstance(value, bytes) else value


def _closing(text: str, opening: int) -> int:
    """The index after the parenthesis that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise ValueError(f"unbalanced: {text!r}")
