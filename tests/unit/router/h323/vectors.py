"""The rows of vectors.json: messages of real programs (`cap_`, `gnugk_`), constructed (`c_`) and garbled (`x_`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgate.router.h323.tpkt import Splitter

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Vector:
    name: str
    kind: str
    gatekeeper_id: str | None
    reason: str | None
    called: tuple[str, ...]
    route: str | None
    valid: bool
    octets: bytes


def _vector(row: dict[str, Any]) -> Vector:
    return Vector(
        row["name"],
        row["kind"],
        row["gatekeeperIdentifier"],
        row["reject_reason"],
        tuple(row["destination"] or ()),
        row["expected_route"],
        row["valid"],
        bytes.fromhex(row["hex"]),
    )


VECTORS = tuple(_vector(row) for row in json.loads(Path(__file__).with_name("vectors.json").read_text()))
VALID = tuple(vector for vector in VECTORS if vector.valid)
GARBLED = tuple(vector for vector in VECTORS if not vector.valid)
BY_NAME = {vector.name: vector for vector in VECTORS}


def frames(octets: bytes, splitter: Splitter | None = None) -> Iterator[bytes]:
    """The messages in a stream."""
    splitter = splitter or Splitter()
    splitter.receive(octets)
    while (frame := splitter.next()) is not None:
        yield frame


def rows(vectors: tuple[Vector, ...]) -> dict[str, Any]:
    """Arguments for `pytest.mark.parametrize`."""
    return {"argnames": "vector", "argvalues": vectors, "ids": [vector.name for vector in vectors]}
