"""Whether coturn answers: a datagram that is lost keeps nobody waiting."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from voxgate.engines.base import Listener
from voxgate.errors import PeerError
from voxgate.supervise import coturn
from voxgate.supervise.coturn import CoturnControl

if TYPE_CHECKING:
    from pathlib import Path


def test_a_server_that_is_silent_is_told_and_asked_again_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coturn, "ANSWER_S", 0.02)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.setblocking(False)
        control = CoturnControl("coturn", tmp_path, lambda _name, _signal: None)
        control._listeners = (Listener("udp", "127.0.0.1", silent.getsockname()[1], "TURN"),)
        with pytest.raises(PeerError, match="does not answer"):
            asyncio.run(control.generation())
        asked = [silent.recv(100) for _ in range(coturn.TRIES)]
    assert len(set(asked)) == 1
