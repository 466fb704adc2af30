"""Opens the ports by itself: in the kernel's ruleset, or in firewalld. Blocks; needs root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from voxgate.errors import EngineError, HostError
from voxgate.firewall import firewalld, nftables
from voxgate.host import files, process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.firewall.nftables import Base
    from voxgate.firewall.opening import Opening

_TIMEOUT_S: Final = 60.0


class Run(Protocol):
    """Starts a program: `host.process.run`."""

    def __call__(self, argv: tuple[str, ...], *, timeout_s: float, input: bytes | None = None) -> process.Finished:  # noqa: A002
        """Raises HostError."""
        ...


class Nftables:
    """The kernel's ruleset, as whoever made it left it."""

    def __init__(self, run: Run = process.run) -> None:
        self._run = run

    def open(self, openings: Iterable[Opening]) -> tuple[str, ...]:
        """Let exactly these in, in one transaction; gives the chains that jump to ours now, none: nothing filters.

        Raises EngineError, HostError. What is established is not touched.
        """
        bases = self._bases()
        if bases:
            text = nftables.script(openings, bases)
            self._tell(text, check=True)
            self._tell(text)
        return tuple(base.place for base in bases)

    def close(self) -> tuple[str, ...]:
        """Take our rules out again; gives the chains that jumped to them. Raises EngineError, HostError."""
        bases = self._bases()
        jumps = [(base, handle) for base in bases for handle in self._jumps(base)]
        if bases:
            self._tell(nftables.removal(bases, jumps))
        return tuple(base.place for base, _ in jumps)

    def _bases(self) -> tuple[Base, ...]:
        listed = self._list("list", "chains")
        tables = {item["chain"].get("table") for item in listed if "chain" in item}
        names = {item["chain"].get("name", "") for item in listed if "chain" in item}
        if "firewalld" in tables:
            raise HostError("firewalld rules here", "voxgate firewall --apply firewalld")
        if any(name.startswith("ufw-") for name in names):
            raise HostError("ufw rules here", "paste what `voxgate firewall --format ufw` prints")
        found = nftables.bases_in(listed)
        return tuple(
            type(base)(base.family, base.table, base.chain, base.hook, jumps=bool(self._jumps(base))) for base in found
        )

    def _jumps(self, base: Base) -> tuple[int, ...]:
        return nftables.jumps_in(self._list("-a", "list", "chain", base.family, base.table, base.chain), base)

    def _list(self, *words: str) -> list[dict[str, Any]]:
        done = self._run(("nft", "-j", *words), timeout_s=_TIMEOUT_S)
        if done.code != 0:
            raise EngineError("nftables", _first_line(done.stderr), "run this as root, or with sudo")
        told: list[dict[str, Any]] = json.loads(done.stdout)["nftables"]
        return told

    def _tell(self, text: str, *, check: bool = False) -> None:
        argv = ("nft", *(("-c",) if check else ()), "-f", "-")
        done = self._run(argv, timeout_s=_TIMEOUT_S, input=text.encode("ascii"))
        if done.code != 0:
            raise EngineError("nftables", _first_line(done.stderr), "nothing was changed")


class Firewalld:
    """firewalld, by two policies of ours."""

    def __init__(self, run: Run = process.run, folder: Path = Path(firewalld.FOLDER)) -> None:
        self._run = run
        self._folder = folder

    def open(self, openings: Iterable[Opening]) -> tuple[str, ...]:
        """Let exactly these in; gives the policies. Raises EngineError (the former ones are put back), HostError."""
        return self._put(firewalld.policies(openings))

    def close(self) -> tuple[str, ...]:
        """Take our policies away; gives those that were there. Raises EngineError, HostError."""
        there = tuple(name for name in firewalld.policies(()) if (self._folder / name).is_file())
        self._put(dict.fromkeys(there, ""))
        return tuple(name.removesuffix(".xml") for name in there)

    def _put(self, wanted: dict[str, str]) -> tuple[str, ...]:
        if not self._folder.parent.is_dir():
            raise HostError(f"{self._folder.parent} is not there", "firewalld is not installed: try --apply nftables")
        former = {name: files.read(path) for name in wanted if (path := self._folder / name).is_file()}
        self._write({name: text.encode() for name, text in wanted.items()})
        try:
            self._command("--check-config")
            self._command("--reload")
        except EngineError:
            self._write({name: former.get(name, b"") for name in wanted})
            raise
        return tuple(name.removesuffix(".xml") for name, text in wanted.items() if text)

    def _write(self, wanted: dict[str, bytes]) -> None:
        self._folder.mkdir(mode=0o750, exist_ok=True)
        for name, content in wanted.items():
            if content:
                files.write(self._folder / name, content)
            else:
                files.remove(self._folder / name)

    def _command(self, word: str) -> None:
        done = self._run(("firewall-cmd", word), timeout_s=_TIMEOUT_S)
        if done.code != 0:
            raise EngineError("firewalld", _first_line(done.stderr or done.stdout), "nothing was changed")


def _first_line(said: str) -> str:
    return next((line.strip() for line in said.splitlines() if line.strip()), "it refused")[:200]
