"""What several parts of the store do with rows: many at once, and texts that every database takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, any_, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

_MOST_NAMES = 500
"""That one statement compares with: SQLite takes no more than 32 766 values, and long lists are no faster."""
_LONGEST_NAME = 500
"""In characters: PostgreSQL refuses to index more than 2 704 bytes."""
_Each = TypeVar("_Each")


def batches(values: Iterable[_Each], size: int = _MOST_NAMES) -> Iterator[list[_Each]]:
    """The values in lists of at most `size`."""
    left = iter(values)
    while batch := list(islice(left, size)):
        yield batch


def among(connection: Connection, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values; for PostgreSQL in a statement that is the same for any number."""
    if connection.dialect.name == "sqlite":
        return column.in_(values)
    return column == any_(bindparam(None, list(values), ARRAY(column.type)))


def stored(text: str) -> str:
    """A text as databases take it: bytes that are no UTF-8, and NUL, as escapes."""
    if text.isascii() and "\0" not in text:
        return text
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair that UTF-16 needs: no bytes were ever that
        content = text.encode("utf-8", "backslashreplace")
    return content.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def named(text: str) -> str:
    """A name as an index of every database takes it: the end of a very long one is its digest."""
    whole = stored(text)
    if len(whole) <= _LONGEST_NAME:
        return whole
    return f"{whole[:_LONGEST_NAME]}…{blake2b(whole.encode(), digest_size=8).hexdigest()}"


def stored_or_none(text: str | None) -> str | None:
    """The same for what may be missing."""
    return None if text is None else stored(text)


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], unique: str) -> int:
    """Insert those rows whose value of the column `unique` is not there yet; returns how many.

    In the order of that column, as everybody does, so that no two writers wait for each other.
    """
    if not rows:
        return 0
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).on_conflict_do_nothing(index_elements=[unique]).returning(table.c[unique])
    return len(connection.execute(statement, sorted(rows, key=lambda row: row[unique])).all())


def put(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    unique: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows, or change what is there under the same `unique` columns into what they say, but for `keep`.

    In the order of these columns, as `add_missing` does.
    """
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {*unique, *keep}}
    in_order = sorted(rows, key=lambda row: tuple(row[name] for name in unique))
    connection.execute(statement.on_conflict_do_update(index_elements=list(unique), set_=changed), in_order)
