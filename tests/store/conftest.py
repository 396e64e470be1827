"""What tests of stores begin with."""

from __future__ import annotations

import pytest

from keysweep.store.opening import Store
from tests.store.made import Sweeps


@pytest.fixture
def sweeps(store: Store) -> Sweeps:
    """Of one target, into a fresh store."""
    return Sweeps(store)
