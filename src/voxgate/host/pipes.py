"""Talks with a program through its pipes, bounded in size and time."""

from __future__ import annotations

import os
import select
import selectors
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Of each output stream so much is kept, the rest is read and dropped. `kamailio -c` says far less.
MOST_OUTPUT_BYTES = 1 << 20

_POLL_S = 0.05

Pipe = IO[bytes] | None


def exchange(
    pipes: tuple[Pipe, Pipe, Pipe], text: bytes, deadline_s: float, has_ended: Callable[[], bool]
) -> tuple[bytes, bytes]:
    """Write `text` to the first pipe, read the other two to their ends; return the heads of what came.

    It also returns when the program has ended and its pipes are silent: somebody else may hold them open.
    `deadline_s` is on the monotonic clock. Raises TimeoutError.
    """
    stdin, *outputs = pipes
    kept = [bytearray() for _ in outputs]
    with selectors.DefaultSelector() as selector:
        for pipe, head in zip(outputs, kept, strict=True):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, head)
        if stdin is not None:
            selector.register(stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            ended = has_ended()
            ready = selector.select(_POLL_S)
            if ended and not ready:
                break
            if time.monotonic() > deadline_s:
                raise TimeoutError
            for key, _ in ready:
                if key.fileobj is stdin:
                    text = _write_some(stdin, text)
                    done = not text
                else:
                    done = _read_some(key.fd, key.data)
                if done:
                    selector.unregister(key.fileobj)
                    if key.fileobj is stdin:
                        stdin.close()
    return bytes(kept[0]), bytes(kept[1])


def _read_some(descriptor: int, head: bytearray) -> bool:
    """Take what is there, keep what fits, tell whether the end was reached."""
    data = os.read(descriptor, 65536)
    head += data[: max(0, MOST_OUTPUT_BYTES - len(head))]
    return not data


def _write_some(pipe: IO[bytes], text: bytes) -> bytes:
    """Write what a pipe that is ready surely takes and return what is left."""
    try:
        return text[os.write(pipe.fileno(), text[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return b""  # a program need not read its input; whether that was wrong, its exit code says
