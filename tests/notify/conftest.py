"""What tests of notices begin with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from keysweep.store.opening import Store, opened


@pytest.fixture
def chance() -> random.Random:
    """For keys: the same ones in each run."""
    return random.Random(11)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    with opened(str(tmp_path / "sweep.db")) as it:
        yield it
