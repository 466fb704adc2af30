"""What `plan.apply` does to the machine: files in the engines' folders, their protocols, the supervisor."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, assert_never

from voxgate.engines.base import Action, EngineState, File, Places
from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host import files, process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from voxgate.host.process import Finished
    from voxgate.plan.desired import Desired
    from voxgate.supervise.readiness import Probe

#: `kamailio -c` with a thousand PBXs takes well under a second; the machine may be busy with calls.
CHECK_TIMEOUT_S = 30.0

#: Kamailio allows one reload in a few seconds (dispatcher's `reload_delta`, the core's `rpc_exec_delta`) and
#: answers the next one with this; the way back must not fail for it.
TOO_SOON = "Ongoing reload"
TOO_SOON_LIMIT_S = 10.0
TOO_SOON_PAUSE_S = 0.5

TLS_REFUSED = (
    "the certificate or its key is not what Kamailio's TLS library takes (an RSA key under 2048 bits is too small);"
    " the log of `voxgate run` holds its words"
)

#: The shared variable that Kamailio's workers compare with the policy they hold.
GENERATION_VARIABLE = "generation"


class Supervisor(Protocol):
    """Runs the engines. `start` and `restart` return when the engine serves, or raise EngineError."""

    async def start(self, state: EngineState, probe: Probe, *, cwd: Path | None = None, generation: int = 0) -> None:
        """Start what does not run."""

    async def restart(self, state: EngineState, probe: Probe, *, cwd: Path | None = None, generation: int = 0) -> None:
        """Stop and start; also what does not run."""

    async def stop(self, name: str) -> None:
        """Stop; what does not run is good."""


class Control(Protocol):
    """How one running engine is spoken to. Raises EngineError, or PeerError when it does not answer."""

    async def reload(self, action: Action, generation: int) -> None:
        """Make files with this action effective."""

    async def generation(self) -> int | None:
        """The engine's own generation; None when it cannot tell. That it answers shows that it serves."""


class Rpc(Protocol):
    """Kamailio's JSON-RPC."""

    async def call(self, method: str, *params: str | int) -> object:
        """The result of one call. Raises EngineError with Kamailio's own words, or PeerError."""


class Ping(Protocol):
    """rtpengine's ng protocol, as far as it is needed here."""

    async def ping(self) -> None:
        """Raises PeerError when it does not answer."""


async def run_check(state: EngineState) -> Finished:
    """Run the engine's own check as the engine's user, so that it also shows what that user may not read."""
    return await asyncio.to_thread(
        process.run,
        state.check.argv,
        timeout_s=CHECK_TIMEOUT_S,
        env=state.process.env,
        # HAProxy must be able to enter it, whoever called us from wherever.
        cwd=Path("/"),
        user=state.process.user,
    )


@dataclass(frozen=True, slots=True)
class KamailioControl:
    """Kamailio, by JSON-RPC."""

    rpc: Rpc

    async def reload(self, action: Action, generation: int) -> None:
        """The RPC that makes files with this action effective."""
        match action:
            case Action.POLICY:
                # The workers see the number before their next message and read policy.json again.
                await self.rpc.call("pv.shvSet", GENERATION_VARIABLE, "int", generation)
            case Action.DISPATCHER:
                await self._when_allowed("dispatcher.reload")
            case Action.TLS:
                await self._reload_tls()
            case Action.TABLES | Action.MAPS | Action.RULES | Action.RELOAD | Action.RESTART:
                raise AssertionError(f"Kamailio has no file for {action}")
            case _:
                assert_never(action)

    async def generation(self) -> int | None:
        """The number the workers compare with. Raises PeerError when the answer holds none."""
        match await self.rpc.call("pv.shvGet", GENERATION_VARIABLE):
            case {"value": int() as value}:
                return value
            case answer:
                raise PeerError(f"kamailio: no generation in its answer {answer!r:.100}")

    async def _reload_tls(self) -> None:
        try:
            await self._when_allowed("tls.reload")
        except EngineError as error:
            # Kamailio answers that there was an error; which one, only its log says.
            raise EngineError(error.engine, error.reason, error.advice or TLS_REFUSED) from error

    async def _when_allowed(self, method: str) -> None:
        for _ in range(int(TOO_SOON_LIMIT_S / TOO_SOON_PAUSE_S)):
            try:
                await self.rpc.call(method)
            except EngineError as error:
                if TOO_SOON not in error.reason:
                    raise
                await asyncio.sleep(TOO_SOON_PAUSE_S)
            else:
                return
        raise EngineError("kamailio", f"{method} is refused for {TOO_SOON_LIMIT_S:g} s", "another reload hangs")


@dataclass(frozen=True, slots=True)
class RtpengineControl:
    """rtpengine, by ng: everything is on its command line, so it has nothing to reload."""

    ng: Ping

    async def reload(self, action: Action, generation: int) -> None:
        """Never asked for."""
        raise AssertionError(f"rtpengine has no file for {action} of generation {generation}")

    async def generation(self) -> int | None:
        """It cannot tell, but it answers."""
        await self.ng.ping()
        return None


@dataclass(frozen=True, slots=True)
class MachineHands:
    """Implements `plan.apply.Hands`. `render` gives the engines' states of a `Desired` for other places."""

    places: Places
    render: Callable[[Desired, Places], tuple[EngineState, ...]]
    supervisor: Supervisor
    probes: Mapping[str, Probe]
    controls: Mapping[str, Control]
    check_runner: Callable[[EngineState], Awaitable[Finished]] = run_check
    #: What an engine needs besides its files when its process starts, by its name. Raises VoxgateError.
    prepare: Mapping[str, Callable[[EngineState], Awaitable[None]]] = field(default_factory=dict)

    async def check(self, desired: Desired, engine: str) -> None:
        """The engine's own check of its files, rendered into a folder beside the running ones.

        Raises EngineError with what the engine said.
        """
        places = replace(self.places, run=self.places.run / "candidate")
        state = next(state for state in self.render(desired, places) if state.name == engine)
        if not state.check.argv:
            return
        shutil.rmtree(places.engine(engine), ignore_errors=True)
        try:
            for file in state.files:
                _write(places, state, file)
            finished = await self.check_runner(state)
        finally:
            # It holds the same keys as the running one.
            shutil.rmtree(places.engine(engine), ignore_errors=True)
        if finished.code != 0:
            raise EngineError(
                engine,
                f"does not accept its configuration:\n{_last_lines(finished.stderr or finished.stdout)}",
                "nothing was changed",
            )

    async def write(self, state: EngineState, file: File) -> None:
        """Put one file into the engine's folder."""
        _write(self.places, state, file)

    async def remove(self, engine: str, path: str) -> None:
        """Take one file out of the engine's folder."""
        files.remove(self.places.engine(engine) / path)

    async def reload(self, engine: str, action: Action, generation: int) -> None:
        """Ask the running engine."""
        await self.controls[engine].reload(action, generation)

    async def start(self, state: EngineState, generation: int) -> None:
        """Ask the supervisor."""
        folder = self.places.engine(state.name)
        await self._prepare(state)
        await self.supervisor.start(state, self.probes[state.name], cwd=folder, generation=generation)

    async def restart(self, state: EngineState, generation: int) -> None:
        """Ask the supervisor."""
        folder = self.places.engine(state.name)
        await self._prepare(state)
        await self.supervisor.restart(state, self.probes[state.name], cwd=folder, generation=generation)

    async def _prepare(self, state: EngineState) -> None:
        if (prepare := self.prepare.get(state.name)) is not None:
            await prepare(state)

    async def stop(self, engine: str) -> None:
        """Ask the supervisor."""
        await self.supervisor.stop(engine)

    async def verify(self, engine: str, generation: int) -> None:
        """The engine answers, with this generation where it can tell. Raises EngineError, PeerError."""
        answer = await self.controls[engine].generation()
        if answer is not None and answer != generation:
            raise EngineError(engine, f"says generation {answer}, not {generation}")

    def read_back(self, desired: Desired) -> dict[tuple[str, str], bytes | None]:
        """The engines' files as they lie on disk, for `plan.steps.as_found` and `status.drift`."""
        return {
            (state.name, file.path): _read(self.places.engine(state.name) / file.path)
            for state in desired.engines
            for file in state.files
        }


def _write(places: Places, state: EngineState, file: File) -> None:
    """For root and the engine's group (named as its user in the Debian packages), which may read."""
    folder, user = places.engine(state.name), state.process.user
    # The engine makes its own sockets there.
    files.ensure_folder(folder, group=user, mode=files.SHARED_FOLDER_MODE)
    target = folder / file.path
    if target.parent != folder:
        files.ensure_folder(target.parent, group=user)
    files.write(target, file.content, group=user)


def _read(path: Path) -> bytes | None:
    """None for what is not there, and for what is no longer our file: a link, a folder."""
    try:
        return files.read(path)
    except HostError:
        return None


def _last_lines(said: str, count: int = 10) -> str:
    """The end of what a program said: the cause stands there."""
    return "\n".join(f"    {line}" for line in said.strip().splitlines()[-count:])
