from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import desired, edited
from voxgate.engines.base import Action, Check, EngineState, File, Places
from voxgate.errors import EngineError, PeerError
from voxgate.host.process import Finished
from voxgate.supervise.hands import Control, KamailioControl, MachineHands, RtpengineControl, run_check

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.plan.desired import Desired
    from voxgate.supervise.readiness import Probe

#: root's own group is on every machine.
USER = "root"


@dataclass
class FakeRpc:
    """Answers each call with the next of `answers`; an exception is raised."""

    answers: list[object]
    calls: list[tuple[str, tuple[str | int, ...]]] = field(default_factory=list)

    async def call(self, method: str, *params: str | int) -> object:
        self.calls.append((method, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class FakeSupervisor:
    """Notes what it is told."""

    told: list[str] = field(default_factory=list)

    async def start(self, state: EngineState, probe: Probe, *, cwd: Path | None = None, generation: int = 0) -> None:
        await probe()
        self.told.append(f"start {state.name} {generation} in {cwd and cwd.name}")

    async def restart(self, state: EngineState, probe: Probe, *, cwd: Path | None = None, generation: int = 0) -> None:
        await probe()
        self.told.append(f"restart {state.name} {generation} in {cwd and cwd.name}")

    async def stop(self, name: str) -> None:
        self.told.append(f"stop {name}")


class FakePing:
    """rtpengine that answers."""

    async def ping(self) -> None:
        """Nothing."""


@dataclass
class CheckNote:
    """Plays the engine's check; notes what lay in the candidate folder when it was called."""

    folder: Path
    code: int = 0
    said: str = ""
    seen: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self, state: EngineState) -> Finished:
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        self.seen = {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}
        return Finished(state.check.argv, self.code, "", self.said)


def render(whole: Desired, places: Places) -> tuple[EngineState, ...]:
    """The engines of `whole`, run by a user who exists, with the place of their files in one of them."""
    moved = []
    for state in whole.engines:
        files = (*state.files, File("where", str(places.engine(state.name)).encode(), Action.RESTART))
        moved.append(replace(state, files=files, process=replace(state.process, user=USER)))
    return tuple(moved)


@dataclass
class Scene:
    """Hands on a folder of the test's."""

    run: Path
    answers: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        places = Places(run=self.run, state=self.run / "state")
        self.check = CheckNote(self.run / "candidate/kamailio")
        self.rpc, self.supervisor = FakeRpc(self.answers), FakeSupervisor()
        controls: dict[str, Control] = {
            "kamailio": KamailioControl(self.rpc),
            "rtpengine": RtpengineControl(FakePing()),
        }
        probes = {"kamailio": FakePing().ping, "rtpengine": FakePing().ping}
        self.hands = MachineHands(places, render, self.supervisor, probes, controls, self.check)
        self.wanted = desired(edited(), 7)
        self.kamailio = next(state for state in render(self.wanted, places) if state.name == "kamailio")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_candidate_is_checked_beside_the_running_files_and_leaves_no_trace(scene: Scene) -> None:
    asyncio.run(scene.hands.check(scene.wanted, "kamailio"))
    folder = scene.run / "candidate/kamailio"
    assert scene.check.seen["where"] == str(folder).encode()
    assert scene.check.seen["tls/cert.pem"] == b"old"
    assert not folder.exists()
    assert not (scene.run / "kamailio").exists()


def test_a_refused_candidate_tells_the_engines_last_words_and_leaves_no_trace(scene: Scene) -> None:
    scene.check.code, scene.check.said = 255, "\n".join(f"line {number}" for number in range(20))
    with pytest.raises(EngineError) as caught:
        asyncio.run(scene.hands.check(scene.wanted, "kamailio"))
    assert "line 19" in str(caught.value)
    assert "line 9\n" not in str(caught.value)
    assert not (scene.run / "candidate/kamailio").exists()


def test_an_engine_without_a_check_is_not_checked(scene: Scene) -> None:
    asyncio.run(scene.hands.check(scene.wanted, "rtpengine"))
    assert not scene.check.seen


def test_the_real_check_is_run_with_its_exit_code(scene: Scene) -> None:
    state = replace(scene.kamailio, check=Check(("cat", "/nowhere")), process=replace(scene.kamailio.process, user=""))
    finished = asyncio.run(run_check(state))
    assert finished.code == 1
    assert "nowhere" in finished.stderr


def test_files_are_for_root_and_the_engines_group(scene: Scene) -> None:
    for file in scene.kamailio.files:
        asyncio.run(scene.hands.write(scene.kamailio, file))
    folder = scene.run / "kamailio"
    assert (folder / "tls/cert.pem").read_bytes() == b"old"
    assert (folder / "tls/cert.pem").stat().st_mode & 0o777 == 0o640
    assert (folder / "tls").stat().st_mode & 0o777 == 0o750
    assert (folder / "tls/cert.pem").stat().st_uid == os.getuid()


def test_a_removed_file_is_gone_and_need_not_have_been_there(scene: Scene) -> None:
    asyncio.run(scene.hands.write(scene.kamailio, scene.kamailio.files[0]))
    for _ in range(2):
        asyncio.run(scene.hands.remove("kamailio", scene.kamailio.files[0].path))
    assert not list((scene.run / "kamailio").iterdir())


def test_what_lies_on_disk_is_read_back(scene: Scene) -> None:
    whole = replace(scene.wanted, engines=(scene.kamailio,))
    for file in scene.kamailio.files:
        asyncio.run(scene.hands.write(scene.kamailio, file))
    folder = scene.run / "kamailio"
    (folder / "policy.json").write_bytes(b"mine")
    (folder / "dispatcher.list").unlink()
    (folder / "kamailio.cfg").unlink()
    (folder / "kamailio.cfg").symlink_to("/etc/passwd")
    read = scene.hands.read_back(whole)
    assert read["kamailio", "policy.json"] == b"mine"
    assert read["kamailio", "tls/cert.pem"] == b"old"
    assert read["kamailio", "dispatcher.list"] is None
    assert read["kamailio", "kamailio.cfg"] is None


RELOADS = [
    (Action.POLICY, ("pv.shvSet", ("generation", "int", 7))),
    (Action.DISPATCHER, ("dispatcher.reload", ())),
    (Action.TLS, ("tls.reload", ())),
]


@pytest.mark.parametrize(("action", "call"), RELOADS, ids=[row[0].value for row in RELOADS])
def test_each_action_is_one_call(tmp_path: Path, action: Action, call: tuple[str, tuple[object, ...]]) -> None:
    scene = Scene(tmp_path, ["Ok."])
    asyncio.run(scene.hands.reload("kamailio", action, 7))
    assert scene.rpc.calls == [call]


def test_a_reload_too_soon_after_another_is_asked_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, [EngineError("kamailio", "500 Ongoing reload"), "Ok."])
    asyncio.run(scene.hands.reload("kamailio", Action.DISPATCHER, 7))
    assert len(scene.rpc.calls) == 2


def test_a_refused_reload_is_the_engines_error(tmp_path: Path) -> None:
    scene = Scene(tmp_path, [EngineError("kamailio", "500 Error while fixing TLS configuration")])
    with pytest.raises(EngineError, match="fixing TLS"):
        asyncio.run(scene.hands.reload("kamailio", Action.TLS, 7))


def test_the_generation_is_read_back(tmp_path: Path) -> None:
    # As Kamailio 5.6.3 answers.
    answers: list[object] = [{"name": "generation", "type": "int", "value": value} for value in (7, 6)]
    scene = Scene(tmp_path, answers)
    asyncio.run(scene.hands.verify("kamailio", 7))
    with pytest.raises(EngineError, match="says generation 6, not 7"):
        asyncio.run(scene.hands.verify("kamailio", 7))
    asyncio.run(scene.hands.verify("rtpengine", 7))


@pytest.mark.parametrize("answer", ["Ok.", {"value": "7"}, None], ids=["text", "a text as value", "nothing"])
def test_an_answer_without_a_generation_is_the_peers_error(tmp_path: Path, answer: object) -> None:
    scene = Scene(tmp_path, [answer])
    with pytest.raises(PeerError, match="no generation"):
        asyncio.run(scene.hands.verify("kamailio", 7))


def test_starting_and_stopping_is_the_supervisors(scene: Scene) -> None:
    async def act() -> None:
        await scene.hands.start(scene.kamailio, 7)
        await scene.hands.restart(scene.kamailio, 8)
        await scene.hands.stop("kamailio")

    asyncio.run(act())
    assert scene.supervisor.told == [
        "start kamailio 7 in kamailio",
        "restart kamailio 8 in kamailio",
        "stop kamailio",
    ]
