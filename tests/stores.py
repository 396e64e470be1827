"""Stores as pytest fixtures: every test that asks for one runs on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from keysweep.store.opening import Store, opened
from tests.postgres import Server, server

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "template_of_stores"
_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for this process, with a database that is copied for each test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PG")]:
            patch.delenv(name)
        with server() as running:
            running.run(f"CREATE DATABASE {_TEMPLATE}")
            with opened(running.address(_TEMPLATE)):
                pass
            yield running


@pytest.fixture(scope="session")
def new_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to copy: a store with nothing in it."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    with opened(os.fspath(path)):
        pass
    return path


@pytest.fixture
def new_database(postgres: Server) -> Iterator[Callable[..., str]]:
    """Makes databases in the server, each a fresh store or empty, and returns their names; gone afterwards."""
    made: list[str] = []

    def make(*, is_empty: bool = False) -> str:
        name = f"store_{next(_numbers)}"
        postgres.run(f"CREATE DATABASE {name} TEMPLATE {'template0' if is_empty else _TEMPLATE}")
        made.append(name)
        return name

    yield make
    if postgres.process is not None:
        for name in made:
            postgres.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


NewStore = Callable[..., str]


@pytest.fixture
def new_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    """Makes a store of a kind and returns its address; empty, without a table, if asked."""

    def make(kind: str, *, is_empty: bool = False) -> str:
        if kind == "postgresql":
            running: Server = request.getfixturevalue("postgres")
            return running.address(request.getfixturevalue("new_database")(is_empty=is_empty))
        path = tmp_path / f"store_{next(_numbers)}.db"
        if not is_empty:
            shutil.copy(request.getfixturevalue("new_sqlite"), path)
        return os.fspath(path)

    return make


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database this test runs on."""
    return str(request.param)


@pytest.fixture
def address(kind: str, new_of: NewStore) -> str:
    """Of a fresh store."""
    return new_of(kind)


@pytest.fixture
def empty_address(kind: str, new_of: NewStore) -> str:
    """Where a store could be, and is none yet."""
    return new_of(kind, is_empty=True)


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """A fresh store, open."""
    with opened(address) as made:
        yield made
