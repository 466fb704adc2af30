"""A fuzz target over the H.323 codec, with libFuzzer's options.

    python -m tests.fuzz.h323_codec NEW-FINDS tests/fuzz/corpus/h323 -max_total_time=60

Anything but a value or MalformedError is a finding. tests/fuzz/corpus/h323 holds what earlier runs found worth keeping.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["voxgate.router.h323"]):
    from voxgate.router.h323 import answers, names
    from voxgate.router.h323.messages import read
    from voxgate.router.h323.reader import MalformedError
    from voxgate.router.h323.tpkt import HEADER, LONGEST, Splitter


def one_input(octets: bytes) -> None:
    """A stream, in one piece."""
    splitter = Splitter()
    try:
        splitter.receive(octets)
        while (frame := splitter.next()) is not None:
            message = read(frame[HEADER:])
            for ras in message.ras:
                names.service_name(ras.gatekeeper_id or "")
            if message.call:
                names.called_domain(message.call.called)
            if answer := answers.refusal(message, answers.UNKNOWN_NAME):
                read(answer[HEADER:])
    except MalformedError:
        return
    if splitter.waiting > LONGEST:
        raise AssertionError("it holds more than one message")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
