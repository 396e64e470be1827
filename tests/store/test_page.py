"""docs/store.md: its queries run on both databases, and its grants do what it says."""

from __future__ import annotations

import random
import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from keysweep.store.opening import Store, opened
from keysweep.store.schema import metadata
from tests.postgres import Server, server
from tests.store.rich import fill

PAGE = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("query", blocks("sql"), ids=lambda query: " ".join(query.split())[:40])
def test_a_query_of_the_page_has_an_answer_on_both_databases(store: Store, query: str) -> None:
    fill(store, random.Random(18))
    with store.reading() as connection:
        assert connection.execute(text(query)).all()


def test_every_column_of_every_table_is_described() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            assert column.comment or column.foreign_keys or column.name == "id", f"{table.name}.{column.name}"


def test_with_the_grants_of_the_page_one_role_fills_the_store_and_another_reads_its_views_alone() -> None:
    with server() as running:
        made, granted = (block.strip().split(";\n") for block in blocks("text"))
        run(running, "postgres", made)
        with opened(running.address("leaks", "keysweep")) as store:
            fill(store, random.Random(19))
        run(running, "leaks", granted)
        with connected(running, "analyst", "leaks") as connection:
            assert connection.execute("SELECT COUNT(*) FROM leak_overview").fetchone() == (4,)
            for statement in ("SELECT * FROM leaks", "DELETE FROM leaks", "CREATE TABLE mine (x INT)"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())
        running.run("CREATE ROLE stranger LOGIN")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connected(running, "stranger", "leaks")


def run(running: Server, database: str, statements: list[str]) -> None:
    with running.connected(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def connected(running: Server, user: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(running.directory), port=running.port, user=user, dbname=database, autocommit=True
    )
