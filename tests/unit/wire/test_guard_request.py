"""What the guard is asked survives the way over the socket, and nothing else is taken for it."""

from __future__ import annotations

import json

import pytest

from voxgate.errors import PeerError
from voxgate.wire.control import decode_request, encode_request
from voxgate.wire.guard_request import GuardAction, GuardRequest


@pytest.mark.parametrize("action", GuardAction)
def test_a_request_is_read_as_it_was_written(action: GuardAction) -> None:
    request = GuardRequest(action, "203.0.113.9", 30, "a note", "/var/list")
    assert decode_request(encode_request(request)) == request
    assert decode_request(encode_request(GuardRequest(action))) == GuardRequest(action)


@pytest.mark.parametrize(
    "change",
    [{"action": "drop"}, {"minutes": True}, {"minutes": "1"}, {"network": 5}, {"more": 1}, {"note": None}],
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    fields = json.loads(encode_request(GuardRequest(GuardAction.BAN, "203.0.113.9")))
    with pytest.raises(PeerError):
        decode_request(json.dumps({**fields, **change}).encode())
