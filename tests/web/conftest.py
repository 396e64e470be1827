"""Stores with something in them, and dashboards over these."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.filled import fill
from keysweep.store.opening import Store, opened
from tests.web.serving import Served, serving

PLACES = 600


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of SQLite to copy, with a hundred leaks and more."""
    path = tmp_path_factory.mktemp("filled") / "store.db"
    with opened(os.fspath(path)) as store, store.writing() as connection:
        fill(connection, PLACES)
    return path


@pytest.fixture
def filled(filled_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it."""
    path = tmp_path / "filled.db"
    shutil.copy(filled_file, path)
    with opened(os.fspath(path)) as store:
        yield store


@pytest.fixture
def dashboard(filled: Store) -> Iterator[Served]:
    """A dashboard over that copy, and somebody signed in."""
    with serving(filled) as served:
        yield served.sign_in()
