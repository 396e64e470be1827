"""What a store says of itself."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from sqlalchemy import text, update

from keysweep.store.health import about, faults
from keysweep.store.opening import Store, opened
from keysweep.store.schema import keys, leaks, metadata, repositories
from tests.store.rich import fill


@pytest.fixture
def chance() -> random.Random:
    return random.Random(9)


def test_a_store_says_where_it_is_what_it_is_and_how_much_it_holds(store: Store, chance: random.Random) -> None:
    fill(store, chance)
    told = about(store)
    assert told.where == store.where
    assert told.kind.startswith("SQLite 3." if store.is_sqlite else "PostgreSQL ")
    assert set(told.rows) == set(metadata.tables)
    assert told.rows["repositories"] == 4
    assert told.size_bytes > 100_000
    assert told.newest_run


def test_a_store_as_it_is_left_by_sweeps_is_whole(store: Store, chance: random.Random) -> None:
    assert not list(faults(store))
    fill(store, chance)
    assert not list(faults(store))


def test_a_leak_that_stands_otherwise_than_its_key_is_seen(store: Store, chance: random.Random) -> None:
    fill(store, chance)
    with store.writing() as connection:
        connection.execute(update(leaks).where(leaks.c.standing == "live").values(standing="dead"))
    assert list(faults(store)) == ["1 of the leaks say otherwise than their keys how they stand"]


def test_a_repository_that_counts_its_leaks_wrongly_is_seen(store: Store, chance: random.Random) -> None:
    fill(store, chance)
    with store.writing() as connection:
        connection.execute(update(repositories).where(repositories.c.name == "wiki").values(leaks=9))
    assert list(faults(store)) == ["1 of the repositories say wrongly how many leaks they have"]


def test_a_row_that_names_one_that_is_not_there_is_seen(tmp_path: Path, chance: random.Random) -> None:
    with opened(os.fspath(tmp_path / "s.db")) as store:
        fill(store, chance)
        with store.outside() as connection:
            connection.execute(text("PRAGMA foreign_keys = off"))
            connection.execute(keys.delete())
        assert any("a row of leaks names one of keys that is not there" in each for each in faults(store))


def test_damage_in_the_file_is_told(tmp_path: Path, chance: random.Random) -> None:
    path = tmp_path / "s.db"
    with opened(os.fspath(path)) as store:
        fill(store, chance)
        with store.reading() as connection:
            name = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_leaks_key_id'"
            page = connection.execute(text(name)).scalar_one() - 1
    content = bytearray(path.read_bytes())
    content[page * 4096 + 8 : (page + 1) * 4096] = bytes(4096 - 8)
    path.write_bytes(content)
    with opened(os.fspath(path)) as store:
        assert any("damaged" in each for each in faults(store))
