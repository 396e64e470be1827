"""Very many rows of a table at once, in the way that is fastest in each database.

SQLAlchemy takes longer for a value than a database does, so here a row is what the driver takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

Values = tuple[Any, ...]
"""Of one row in the order of its columns, moments aware, lists as `as_json` has them."""


def as_json(value: Sequence[Any]) -> str:
    """A list as a column of JSON holds it; most are empty."""
    return json.dumps(value) if value else "[]"


def insert_all(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Values]) -> None:
    """Insert rows with these columns."""
    if not rows:
        return
    columns = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"
        connection.exec_driver_sql(statement, list(_as_text(rows)))
        return
    statement = f"COPY {table.name} ({columns}) FROM STDIN"
    driver: Any = connection.dialect.loaded_dbapi
    opened: Any = connection.connection
    try:
        with opened.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError(statement, None, error) from error


def update_all(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Values]) -> None:
    """Give rows new values in these columns; each has its `id` after them."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        changes = ", ".join(f'"{name}" = ?' for name in names)
        connection.exec_driver_sql(f"UPDATE {table.name} SET {changes} WHERE id = ?", list(_as_text(rows)))
        return
    columns = (*names, "id")
    given = json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=datetime.isoformat)
    types = {name: table.c[name].type.compile(connection.dialect) for name in columns}
    as_given = ", ".join(f'"{name}" {"text" if kind == "JSON" else kind}' for name, kind in types.items())
    changes = ", ".join(f'"{name}" = given."{name}"::{types[name]}' for name in names)
    connection.exec_driver_sql(
        f"UPDATE {table.name} SET {changes} FROM json_to_recordset(%s) AS given ({as_given}) "
        f"WHERE {table.name}.id = given.id",
        (given,),
    )


def _as_text(rows: Iterable[Values]) -> Iterator[Values]:
    """Moments as SQLite has them, in the words of SQLAlchemy."""
    for row in rows:
        yield tuple([_moment(value) if isinstance(value, datetime) else value for value in row])


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]
