"""The driver of the demo: build, run the lanes, tell, clean up."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from lab import namespaces
from lab.demo import show
from lab.demo.claim import Claim, Outcome, Result
from lab.demo.stage import stage
from lab.demo.table import LANES, LAST
from lab.demo.trunking import SETTING
from lab.phones.device import PhoneError
from lab.procs import LabError
from lab.tones import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.demo.stage import Stage

UNPROVEN = (LabError, PhoneError, RecordingError, OSError)
"""What ends a trial without proof; everything else is a bug of the demo."""


def demo(*, as_json: bool, keep: bool) -> int:
    """Run all. Exit code 0 only if every claim held. Raises LabError when the lab cannot be built."""
    began_s = time.monotonic()
    namespaces.clean()
    with (
        _folder(keep=keep) as folder,
        show.board((*LANES, LAST), quiet=as_json) as board,
        stage(SETTING, folder) as office,
    ):
        board.ready(time.monotonic() - began_s)
        results = [*_at_once(LANES, office, board), *_at_once((LAST,), office, board)]
    seconds = time.monotonic() - began_s
    if as_json:
        sys.stdout.write(show.as_json(results, seconds) + "\n")
    else:
        board.summary(results, seconds)
    return 0 if all(result.outcome.held for result in results) else 1


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """A place with a short path (Unix sockets) that the engines' users may enter."""
    folder = Path(tempfile.mkdtemp(prefix="vg-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _at_once(lanes: Sequence[Sequence[Claim]], office: Stage, board: show.Board) -> list[Result]:
    """Run the lanes in threads; results in the order of the table.

    The threads do not keep the program alive: after Ctrl-C the network is removed under them.
    """
    done: SimpleQueue[Result | None] = SimpleQueue()
    for number, lane in enumerate(lanes):
        threading.Thread(target=_lane, args=(lane, office, board, done), name=f"lane-{number}", daemon=True).start()
    results: dict[str, Result] = {}
    left = len(lanes)
    while left:
        result = done.get()
        if result is None:
            left -= 1
        else:
            results[result.claim.title] = result
            board.done(result)
    wanted = [claim for lane in lanes for claim in lane]
    # A lane that ended early has printed its traceback: a bug of the demo, not a claim that failed.
    if missing := [claim.title for claim in wanted if claim.title not in results]:
        raise LabError(f"the demo broke down before: {'; '.join(missing)}")
    return [results[claim.title] for claim in wanted]


def _lane(lane: Sequence[Claim], office: Stage, board: show.Board, done: SimpleQueue[Result | None]) -> None:
    try:
        for claim in lane:
            board.begun(claim)
            done.put(trial(claim, office))
    finally:
        done.put(None)


def trial(claim: Claim, office: Stage) -> Result:
    """Prove one claim; a lab that does not obey is a failure with its reason."""
    began_s = time.monotonic()
    try:
        outcome = claim.prove(office)
    except UNPROVEN as exc:
        outcome = Outcome(False, str(exc) or type(exc).__name__)
    return Result(claim, outcome, time.monotonic() - began_s)
