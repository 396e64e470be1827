"""Settings for the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("keysweep", deadline=None)
settings.load_profile("keysweep")


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave alone what keysweep remembers for whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEYSWEEP_CACHE", os.fspath(tmp_path_factory.mktemp("cache")))
        yield
