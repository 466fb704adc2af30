"""Messages by Call-ID, bounded in time and size: whole calls give way, the one that was silent longest first. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.calls.trace.message import Message

#: Messages of one call: a registration that is refreshed for days has the same Call-ID all the time.
MOST_OF_ONE: Final = 400
#: What an entry takes beside its bytes.
_OVERHEAD_BYTES: Final = 300


@dataclass(slots=True)
class _Kept:
    messages: list[Message] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class Ring:
    """`bytes_most` for all, `age_s` since a call's last message."""

    bytes_most: int
    age_s: float
    _calls: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _size: int = 0

    @property
    def size(self) -> int:
        """Bytes that are kept, about."""
        return self._size

    def add(self, call_id: str, message: Message) -> None:
        """Keep a message."""
        kept = self._calls.setdefault(call_id, _Kept())
        kept.messages.append(message)
        self._grow(kept, len(message.raw) + _OVERHEAD_BYTES)
        if len(kept.messages) > MOST_OF_ONE:
            self._grow(kept, -len(kept.messages.pop(0).raw) - _OVERHEAD_BYTES)
        self._calls.move_to_end(call_id)
        while self._size > self.bytes_most and self._calls:
            self._drop()

    def expire(self, now_s: float) -> None:
        """Forget what is too old."""
        while self._calls and now_s - next(iter(self._calls.values())).messages[-1].epoch_s > self.age_s:
            self._drop()

    def of(self, call_id: str) -> tuple[Message, ...]:
        """What is kept of a call, in its order."""
        kept = self._calls.get(call_id)
        return tuple(sorted(kept.messages, key=lambda message: message.epoch_s)) if kept else ()

    def calls(self) -> Iterator[tuple[str, tuple[Message, ...]]]:
        """All of it, the latest call first."""
        for call_id in reversed(self._calls):
            yield call_id, tuple(self._calls[call_id].messages)

    def _grow(self, kept: _Kept, count: int) -> None:
        kept.size += count
        self._size += count

    def _drop(self) -> None:
        _, kept = self._calls.popitem(last=False)
        self._size -= kept.size
