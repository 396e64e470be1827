"""What tests of stores begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from keysweep.store.opening import Store
from tests.store.made import Sweeps
from tests.sweep.organisation import Organisation


@pytest.fixture
def sweeps(store: Store) -> Sweeps:
    """Of one target, into a fresh store."""
    return Sweeps(store)


@pytest.fixture
def local(tmp_path: Path) -> Organisation:
    """An organisation whose repositories lie in a directory."""
    made = Organisation(tmp_path)
    made.served.mkdir()
    return made
