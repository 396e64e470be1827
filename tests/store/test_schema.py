"""The schema: what migrations make is what the code says, and the views answer."""

from __future__ import annotations

import json

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from keysweep.store.opening import Store
from keysweep.store.schema import metadata
from keysweep.store.versions import NEWEST
from keysweep.store.views import VIEWS
from tests.store.made import Sweeps, at, leak

_OF_WORDS = ("place_words", "ix_places_words")
"""The index of full text, which each database has in a way of its own."""


def test_migrations_make_exactly_the_tables_that_the_code_says(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, *_: not (name or "").startswith(_OF_WORDS),
                "include_object": lambda _item, name, *_: not (name or "").startswith(_OF_WORDS),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_what_columns_mean_is_told_in_the_database_too(store: Store, kind: str) -> None:
    if kind == "sqlite":
        return  # which has no comments
    with store.reading() as connection:
        told = {
            (table, column["name"]): column["comment"]
            for table in metadata.tables
            for column in inspect(connection).get_columns(table)
        }
    assert told == {
        (table.name, column.name): column.comment for table in metadata.tables.values() for column in table.c
    }


def test_a_store_says_which_version_it_has(store: Store) -> None:
    with store.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == NEWEST


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_tells_of_what_was_recorded(sweeps: Sweeps, view: str) -> None:
    key, other = leak(), leak()
    sweeps.sweep({"app": [at(key, "a.env"), at(other, "b.env")], "fork": [at(key, "a.env")]})
    rows = sweeps.ask(f"SELECT * FROM {view}")
    expected = {"leak_overview": 2, "place_overview": 3, "repository_overview": 2, "key_overview": 2, "days": 1}
    assert len(rows) == expected.get(view, 0)


def test_the_days_are_those_of_utc_on_both(sweeps: Sweeps) -> None:
    sweeps.sweep({"app": [at(leak(), "a.env")]})
    assert sweeps.ask("SELECT * FROM days") == [("2026-11-27", 1, 0)]


def test_a_repository_is_told_with_its_leaks_and_one_without_any_too(sweeps: Sweeps) -> None:
    sweeps.sweep({"app": [at(leak(), "a.env", "b.env")], "clean": []})
    assert sweeps.ask("SELECT name, state, leaks, live_leaks FROM repository_overview ORDER BY name") == [
        ("app", "swept", 1, 0),
        ("clean", "swept", 0, 0),
    ]


def test_lists_are_json_for_a_data_person(sweeps: Sweeps, kind: str) -> None:
    key = leak()
    sweeps.sweep({"app": [at(key, "a.env")]})
    each = "json_each(reasons)" if kind == "sqlite" else "json_array_elements_text(reasons) AS r(value)"
    assert [row[0] for row in sweeps.ask(f"SELECT value FROM leaks, {each}")] == list(key.reasons)
    ((parts,),) = sweeps.ask("SELECT CAST(parts AS TEXT) FROM leaks")
    assert [each["role"] for each in json.loads(parts)] == ["access-key-id", "secret-access-key"]
