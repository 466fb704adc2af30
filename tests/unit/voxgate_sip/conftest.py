"""Gives `voxgate_sip.script` the module KSR that it imports, and a place with policy.json."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, cast

import pytest

from tests.ksr.fake import FakeKsr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

sys.modules.setdefault("KSR", cast("ModuleType", FakeKsr().ksr))


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    """A worker freezes what it has loaded; a test run is no worker."""
    yield
    gc.unfreeze()
