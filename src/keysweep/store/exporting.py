"""A store written down, row by row: all of it, or one view for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, cast, collate, select, text
from sqlalchemy.sql.elements import ColumnElement

from keysweep import __version__
from keysweep.store import schema
from keysweep.store.exchange import FORMAT, NAMED, ORDER, VERSION, columns_of, line_of
from keysweep.store.versions import NEWEST
from keysweep.store.views import VIEWS

_AT_ONCE = 2_000


def exported(connection: Connection) -> Iterator[str]:
    """Every row as a line, the same lines for the same content in whichever database."""
    yield json.dumps({"format": FORMAT, "version": VERSION, "schema": NEWEST, "keysweep": __version__})
    count = 0
    for name in ORDER:
        for row in _streamed(connection, _query(connection, name)):
            count += 1
            yield line_of(name, row)
    yield json.dumps({"rows": count})


def viewed(connection: Connection, view: str) -> Iterator[Mapping[str, Any]]:
    """The rows of one of the ready-made views; a moment is a text in UTC."""
    for row in _streamed(connection, text(f"SELECT * FROM {_known(view)}")):
        yield {name: _shown(value) for name, value in row.items()}


def columns_in(connection: Connection, view: str) -> list[str]:
    """What its columns are called."""
    return list(connection.execute(text(f"SELECT * FROM {_known(view)} LIMIT 0")).keys())


def _known(view: str) -> str:
    if view not in VIEWS:
        raise KeyError(view)
    return view


def _shown(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(" ") if isinstance(value, datetime) else value


def _streamed(connection: Connection, query: Any) -> Iterator[dict[str, Any]]:
    streaming = connection.execution_options(stream_results=True, max_row_buffer=_AT_ONCE)
    with streaming.execute(query) as result:
        for row in result.mappings():
            yield dict(row)


def _query(connection: Connection, name: str) -> Select[Any]:
    table = schema.metadata.tables[name]
    columns = columns_of(table)
    asked: dict[str, ColumnElement[Any]] = {
        said: NAMED[column.name][1] if column.name in NAMED else column for said, column in columns.items()
    }
    query = select(*(column.label(said) for said, column in asked.items())).select_from(table)
    for column in columns.values():
        if column.name in NAMED:
            other = NAMED[column.name][1].table
            query = query.join(other, other.c.id == column)
    return query.order_by(*(_ordered(connection, asked[said]) for said in ORDER[name]))


def _ordered(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """By the bytes of texts, as both databases can."""
    if isinstance(column.type, schema.Moment):
        return column
    as_text = column if isinstance(column.type, Text) else cast(column, Text)
    in_order = collate(as_text, "C") if connection.dialect.name == "postgresql" else as_text
    return in_order.nulls_first()
